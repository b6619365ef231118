"""The stand-in as one ASGI application: API, outpost and login on one address."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.authentik import flows, oauth2
from lab.authentik.actions import action_at
from lab.authentik.api import model_at, on_detail, on_list
from lab.authentik.clock import expired, now, stamp
from lab.authentik.context import Answer, Call, Settings, bearer, default_expiry
from lab.authentik.errors import Crashed, NotAllowed, Refusal
from lab.authentik.executor import execute
from lab.authentik.forward_auth import ForwardAuth, zipped
from lab.authentik.outpost import WATCHED, Outpost
from lab.authentik.pages import Page, not_found
from lab.authentik.seed import new_key, seed
from lab.authentik.store import Store
from lab.authentik.versions import newer, release

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
API = "/api/v3/"


def _nowhere(call: Call) -> Answer:
    if call.method != "GET":
        raise Crashed
    return Answer(404, not_found())


class Authentik:
    """Requests are answered one after the other, each wholly stored before its answer leaves."""

    def __init__(self, settings: Settings, own_url: str, token: str, password: str) -> None:
        self.settings = settings
        self.public_url = (settings.public_url or own_url).rstrip("/")
        self.store = Store(settings.state)
        seed(self.store, token, password, release(settings.version))
        self.store.commit()
        self.outpost = Outpost(self.store, settings.load_seconds, self.public_url)
        self._forward_auth = ForwardAuth(self.store, self.outpost, settings.cache_seconds, settings.version)
        self._cleaned = time.monotonic()
        self.requests: list[dict[str, Any]] = []
        self._log = settings.requests.open("a", encoding="utf-8") if settings.requests else None
        self.app = Starlette(routes=[
            Route("/api/v3/flows/executor/{slug}/", self._executor, methods=["GET", "POST"]),
            Route("/api/v3/{path:path}", self._api, methods=METHODS),
            Route("/outpost.goauthentik.io/{path:path}", self._outpost, methods=METHODS),
            Route("/application/o/{path:path}", self._oauth2, methods=METHODS),
            Route("/if/flow/{slug}/", self._flow, methods=["GET", "POST"]),
            Route("/-/health/{what}/", self._health),
            Route("/{path:path}", self._nothing, methods=METHODS),
        ])  # fmt: skip

    def close(self) -> None:
        self.store.close()
        if self._log:
            self._log.close()

    async def _api(self, request: Request) -> Response:
        body = await request.body()
        self._before()
        path = request.url.path.removeprefix(API)
        user: str | None = None
        try:
            header = request.headers.get("authorization")
            caller = None if header else flows.session_user(self.store, request.cookies)
            caller = caller or bearer(self.store, header)
            user = caller["username"]
            method = "GET" if request.method == "HEAD" else request.method
            call = Call(
                self.store, self.settings, self.public_url, caller, method, request.query_params, body,
                request.headers.get("content-type", ""),
            )  # fmt: skip
            answer = self._route(call, path)
            self._after(saved=method != "DELETE")
        except Refusal as refusal:
            self.store.rollback()
            answer = Answer(refusal.status, refusal.body)
        except BaseException:
            self.store.rollback()
            raise
        self._record(request.method, f"/{path}", request.url.query, answer.status, user)
        headers = {"X-Powered-By": "authentik", "Vary": "Accept, Cookie", "Allow": "GET, POST, OPTIONS"}
        if isinstance(answer.body, Page):
            return self._page(answer.body, request)
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        return JSONResponse(answer.body, answer.status, headers)

    def _route(self, call: Call, path: str) -> Answer:
        acting = action_at(path)
        if acting:
            by_method, key = acting
            if call.method in by_method:
                return by_method[call.method](call, key)
            raise NotAllowed(call.method)
        found = model_at(path)
        if found is None:
            return _nowhere(call)
        model, rest = found
        if rest == [""]:
            return on_list(call, model)
        if len(rest) == 1 and path.endswith("/"):
            return on_detail(call, model, rest[0])
        return _nowhere(call)

    def _before(self) -> None:
        self.outpost.tick()
        if time.monotonic() - self._cleaned >= self.settings.clean_expired_seconds:
            self._cleaned = time.monotonic()
            self._clean_expired()

    def _clean_expired(self) -> None:
        """What the real server's periodic task does: API tokens are never deleted, they get a new key."""
        at = now()
        rotated = {"api"} | ({"app_password"} if self.settings.expired_passwords == "rotate" else set())
        for token in self.store.rows("token", lambda row: expired(row, at)):
            if token["intent"] in rotated:
                self.store.change("token", token["pk"], key=new_key(), expires=default_expiry(self.settings))
            else:
                self.store.delete("token", token["pk"])
        for table in ("proxysession", "session", "code"):
            for row in self.store.rows(table, lambda row: expired(row, at)):
                self.store.delete(table, row["pk"])
        self.store.commit()

    def _after(self, *, saved: bool = True) -> None:
        tell_outpost = saved and bool(self.store.changed & WATCHED)
        self.store.commit()
        if tell_outpost:
            self.outpost.changed()

    async def _outpost(self, request: Request) -> Response:
        self._before()
        # duplicate headers count once, as the first; Basic and cookies are taken as they came
        page, user = self._forward_auth.answer(
            request.method, request.url.path, request.url.query, request.headers, request.cookies
        )
        self._after()
        self._record(request.method, request.url.path, "", page.status, user)
        return self._page(page, request)

    async def _oauth2(self, request: Request) -> Response:
        form = flows.fields((await request.body()).decode("utf-8", "replace"))
        self._before()
        rest = request.url.path.removeprefix("/application/o/")
        try:
            answer = self._oauth2_answer(request, rest, form)
        finally:
            self._after()
        if isinstance(answer, Page):
            return self._page(answer, request)
        return JSONResponse(answer[1], answer[0])

    def _oauth2_answer(self, request: Request, rest: str, form: dict[str, str]) -> Page | tuple[int, Any]:
        store, version, authorization = self.store, self.settings.version, request.headers.get("authorization", "")
        if rest == "authorize/":
            return flows.authorize(store, version, request.url.path, request.url.query, request.cookies)
        if rest == "token/":
            if request.method != "POST":
                return 405, {"detail": f'Method "{request.method}" not allowed.'}
            try:
                form = flows.client_from_header(form, authorization)
                return 200, oauth2.grant(store, self.settings.version, form, self.public_url)
            except oauth2.TokenError as error:
                return 400, error.body
        if rest == "userinfo/":
            claims = oauth2.userinfo(store, authorization.partition(" ")[2])
            return (200, claims) if claims else (401, {"error": "invalid_token"})
        return flows.application_page(store, self.settings.version, rest, self.public_url, request.cookies)

    async def _flow(self, request: Request) -> Response:
        form = flows.fields((await request.body()).decode("utf-8", "replace"))
        self._before()
        known = self.store.one("flow", slug=request.path_params["slug"]) is not None
        page = (
            flows.flow(self.store, self.settings.version, request.method, request.url.query, form)
            if known
            else not_found()
        )
        self._after()
        return self._page(page, request)

    async def _executor(self, request: Request) -> Response:
        """What the login page asks, without a token."""
        told = await request.body()
        self._before()
        flow = self.store.one("flow", slug=request.path_params["slug"])
        if flow is None:
            return self._page(not_found(), request)
        try:
            fields = json.loads(told) if told else {}
        except ValueError:
            fields = {}
        step = execute(
            self.store, flow, request.method, request.url.path, request.query_params, request.cookies,
            fields if isinstance(fields, dict) else {}, self.settings.version,
        )  # fmt: skip
        self._after()
        self._record(request.method, request.url.path.removeprefix("/api/v3"), "", step.status, None)
        response = JSONResponse(step.challenge, step.status) if step.challenge else Response(status_code=step.status)
        for name, values in (("location", [step.location] if step.location else []), ("set-cookie", step.cookies)):
            response.raw_headers += [(name.encode(), value.encode()) for value in values]
        return response

    async def _health(self, _request: Request) -> Response:
        return Response(status_code=200)

    async def _nothing(self, request: Request) -> Response:
        return self._page(not_found(), request)

    def _page(self, page: Page, request: Request) -> Response:
        if not newer(self.settings.version):  # had one language
            unspoken = [(name, value.replace("Accept-Language, ", "")) for name, value in page.headers]
            page.headers = [header for header in unspoken if header[0] != "Content-Language"]
        raw, headers = zipped(page, request.headers.get("accept-encoding", ""))
        response = Response(raw, page.status)
        for name, value in headers:
            # names and groups may hold any letter; Go sends them as UTF-8
            response.raw_headers.append((name.lower().encode(), value.encode("utf-8", "surrogateescape")))
        return response

    def _record(self, method: str, path: str, query: str, status: int, user: str | None) -> None:
        """What was asked, by whom, with what outcome: never a key, a body or a header."""
        line = {
            "time": stamp(now()), "method": method, "path": path, "query": query, "status": status, "user": user,
        }  # fmt: skip
        self.requests.append(line)
        if self._log:
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()
