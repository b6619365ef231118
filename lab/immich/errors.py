"""Errors as Immich's server answers them."""

import secrets
from http import HTTPStatus
from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ApiError(Exception):
    """What an endpoint refuses; `message` is a list when the request's own fields are wrong."""

    def __init__(self, status: HTTPStatus, message: str | list[str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str | list[str]) -> ApiError:
    return ApiError(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str) -> ApiError:
    return ApiError(HTTPStatus.UNAUTHORIZED, message)


def forbidden(message: str) -> ApiError:
    return ApiError(HTTPStatus.FORBIDDEN, message)


def error_response(status: HTTPStatus, message: str | list[str]) -> JSONResponse:
    correlation = secrets.token_hex(4)
    body = {
        "message": message,
        "error": status.phrase,
        "statusCode": status.value,
        "correlationId": correlation,
    }
    # version 2 tells the id in the body, version 3 in the header
    return JSONResponse(body, status_code=status.value, headers={"X-Correlation-ID": correlation})


async def on_api_error(_request: Request, error: Exception) -> Response:
    refusal = cast("ApiError", error)
    return error_response(refusal.status, refusal.message)


async def on_http_error(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    if refusal.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        # Immich's framework knows no 405: a path with another method is not there
        return error_response(HTTPStatus.NOT_FOUND, f"Cannot {request.method} {request.url.path}")
    return error_response(HTTPStatus(refusal.status_code), refusal.detail)


async def on_crash(_request: Request, _error: Exception) -> Response:
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")
