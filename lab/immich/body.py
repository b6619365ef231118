"""JSON bodies of requests, and the list of complaints Immich answers a wrong one with."""

import json
from datetime import datetime
from typing import Any

from starlette.requests import Request

from lab.immich.errors import bad_request
from lab.immich.models import stamp

Fields = dict[str, Any]


async def json_object(request: Request) -> Fields:
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise bad_request(str(error)) from None
    return body if isinstance(body, dict) else {}


def text(body: Fields, name: str, complaints: list[str]) -> str:
    value = body.get(name)
    if isinstance(value, str) and value:
        return value
    if not value:
        complaints.append(f"{name} should not be empty")
    if not isinstance(value, str):
        complaints.append(f"{name} must be a string")
    return ""


def email(body: Fields, complaints: list[str]) -> str:
    value = body.get("email")
    if isinstance(value, str) and value.count("@") == 1 and not value.startswith("@") and not value.endswith("@"):
        return value
    complaints.append("email must be an email")
    return ""


def texts(body: Fields, name: str, complaints: list[str]) -> list[str]:
    value = body.get(name)
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return value
    complaints.append(f"{name} must contain at least 1 elements")
    return []


def date(body: Fields, name: str, complaints: list[str]) -> str:
    try:
        return stamp(datetime.fromisoformat(str(body.get(name))))
    except ValueError:
        complaints.append(f"{name} must be a Date instance")
        return ""


def refuse_if(complaints: list[str]) -> None:
    if complaints:
        raise bad_request(complaints)
