"""What the server tells of itself, mostly without a login."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich.auth import Caller, Guard

VERSION = {"major": 3, "minor": 2, "patch": 2, "prerelease": None}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Immich</title></head><body><h1>Immich</h1></body></html>
"""
FEATURES = {
    "configFile": False,
    "duplicateDetection": False,
    "email": False,
    "facialRecognition": False,
    "importFaces": False,
    "map": False,
    "oauth": False,
    "oauthAutoLaunch": False,
    "ocr": False,
    "passwordLogin": True,
    "realtimeTranscoding": False,
    "reverseGeocoding": False,
    "search": False,
    "sidecar": False,
    "smartSearch": False,
    "trash": True,
}


def version_text() -> str:
    return f"v{VERSION['major']}.{VERSION['minor']}.{VERSION['patch']}"


class Info:
    def __init__(self, guard: Guard, public_url: str) -> None:
        self._guard = guard
        self._public_url = public_url

    def routes(self) -> list[BaseRoute]:
        return [
            fixed("/api/server/ping", {"res": "pong"}),
            fixed("/api/server/version", VERSION),
            fixed("/api/server/features", FEATURES),
            fixed("/api/server/config", self._config()),
            Route("/api/server/about", self._guard.protect("server.about", about), methods=["GET"]),
            fixed("/.well-known/immich", {"api": {"endpoint": "/api"}}),
        ]

    def _config(self) -> dict[str, Any]:
        return {
            "externalDomain": self._public_url,
            "isInitialized": True,
            "isOnboarded": True,
            "loginPageMessage": "",
            "maintenanceMode": False,
            "mapDarkStyleUrl": "",
            "mapLightStyleUrl": "",
            "minFaces": 3,
            "oauthButtonText": "Login with OAuth",
            "publicUsers": True,
            "trashDays": 30,
            "userDeleteDelay": 7,
        }


def fixed(path: str, answer: dict[str, Any]) -> Route:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(answer)

    return Route(path, endpoint, methods=["GET"])


async def about(_request: Request, _caller: Caller) -> Response:
    return JSONResponse({"licensed": False, "version": version_text(), "versionUrl": ""})


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE)
