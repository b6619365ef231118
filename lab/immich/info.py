"""What the server tells of itself, mostly without a login."""

from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich.config import SystemConfig

VERSION = {"major": 3, "minor": 2, "patch": 2, "prerelease": None}
PAGE = Path(__file__).with_name("page.html").read_text()
FEATURES = {
    "configFile": False,
    "duplicateDetection": False,
    "email": False,
    "facialRecognition": False,
    "importFaces": False,
    "map": False,
    "ocr": False,
    "passwordLogin": True,
    "realtimeTranscoding": False,
    "reverseGeocoding": False,
    "search": False,
    "sidecar": False,
    "smartSearch": False,
    "trash": True,
}


class Info:
    def __init__(self, config: SystemConfig, public_url: str) -> None:
        self._system_config = config
        self._public_url = public_url

    def routes(self) -> list[BaseRoute]:
        return [
            fixed("/api/server/ping", {"res": "pong"}),
            fixed("/api/server/version", VERSION),
            Route("/api/server/features", self.features, methods=["GET"]),
            Route("/api/server/config", self.config, methods=["GET"]),
            fixed("/.well-known/immich", {"api": {"endpoint": "/api"}}),
        ]

    async def features(self, _request: Request) -> Response:
        oauth = self._system_config.oauth
        return JSONResponse(FEATURES | {"oauth": oauth["enabled"], "oauthAutoLaunch": oauth["autoLaunch"]})

    async def config(self, _request: Request) -> Response:
        config = {
            "externalDomain": self._public_url,
            "isInitialized": True,
            "isOnboarded": True,
            "loginPageMessage": "",
            "maintenanceMode": False,
            "mapDarkStyleUrl": "",
            "mapLightStyleUrl": "",
            "minFaces": 3,
            "oauthButtonText": self._system_config.oauth["buttonText"],
            "publicUsers": True,
            "trashDays": 30,
            "userDeleteDelay": 7,
        }
        return JSONResponse(config)


def fixed(path: str, answer: dict[str, Any]) -> Route:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(answer)

    return Route(path, endpoint, methods=["GET"])


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE)
