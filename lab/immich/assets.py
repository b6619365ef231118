"""Photos and videos: upload, look, download, delete."""

import base64
import binascii
import mimetypes
import uuid
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.immich import body
from lab.immich.auth import Caller, Guard
from lab.immich.errors import bad_request
from lab.immich.events import Events
from lab.immich.models import Asset, now
from lab.immich.store import Store
from lab.immich.upload import Upload, receive

# the machine's own tables are left out: which files are taken must not depend on it
TYPES = mimetypes.MimeTypes(filenames=())
for _ending, _type in {
    ".avif": "image/avif",
    ".dng": "image/dng",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".insp": "image/jpeg",
    ".jxl": "image/jxl",
    ".mkv": "video/x-matroska",
    ".m4v": "video/x-m4v",
    ".3gp": "video/3gpp",
    ".webp": "image/webp",
}.items():
    TYPES.add_type(_type, _ending)


class Assets:
    def __init__(self, store: Store, guard: Guard, events: Events) -> None:
        self._store = store
        self._guard = guard
        self._events = events

    def routes(self) -> list[BaseRoute]:
        protect = self._guard.protect
        return [
            Route("/api/assets", protect("asset.upload", self.upload), methods=["POST"]),
            Route("/api/assets", protect("asset.delete", self.delete), methods=["DELETE"]),
            Route("/api/assets/{id}", protect("asset.read", self.read), methods=["GET"]),
            Route("/api/assets/{id}/original", protect("asset.download", self.download), methods=["GET"]),
        ]

    async def upload(self, request: Request, caller: Caller) -> Response:
        if told := request.headers.get("x-immich-checksum"):
            known = self._store.asset_by_checksum(caller.user.id, as_base64(told))
            if known:
                async for _ in request.stream():
                    pass  # an answer in the middle of an upload gets lost in proxies
                return duplicate(known)
        part = self._store.incoming / str(uuid.uuid4())
        try:
            return await self._keep(await receive(request, part), caller)
        finally:
            part.unlink(missing_ok=True)

    async def _keep(self, upload: Upload, caller: Caller) -> Response:
        asset = described(upload, caller)
        kept = self._store.add_asset(asset, upload.path)
        if kept is not asset:
            return duplicate(kept)
        await self._events.uploaded(asset)
        return JSONResponse({"id": asset.id, "status": "created"}, status_code=HTTPStatus.CREATED)

    async def read(self, request: Request, caller: Caller) -> Response:
        return JSONResponse(self._asset(request.path_params["id"], caller, "asset.read").dto())

    async def download(self, request: Request, caller: Caller) -> Response:
        asset = self._asset(request.path_params["id"], caller, "asset.download")
        return FileResponse(
            self._store.original(asset.id),
            media_type=asset.mime_type,
            filename=asset.file_name,
            content_disposition_type="inline",
            headers={
                "cache-control": "private, max-age=86400, no-transform",
                # of the bytes and not of the file's time, so that a range can go on after a restart
                "etag": f'"{base64.b64decode(asset.checksum).hex()}"',
            },
        )

    async def delete(self, request: Request, caller: Caller) -> Response:
        fields, complaints = await body.json_object(request), list[str]()
        ids = body.texts(fields, "ids", complaints)
        body.refuse_if(complaints)
        assets = [self._asset(asset_id, caller, "asset.delete") for asset_id in ids]
        for asset in assets:  # only after all were found: a wrong id deletes nothing
            if fields.get("force") is True:
                self._store.delete_asset(asset)
            else:
                self._store.trash_asset(asset)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _asset(self, asset_id: str, caller: Caller, permission: str) -> Asset:
        try:
            asset = self._store.asset(caller.user.id, str(uuid.UUID(asset_id)))
        except ValueError:
            raise bad_request(["id must be a UUID"]) from None
        if asset is None:  # somebody else's and nobody's look the same, as with Immich
            raise bad_request(f"Not found or no {permission} access")
        return asset


def described(upload: Upload, caller: Caller) -> Asset:
    complaints: list[str] = []
    created = body.date(dict(upload.fields), "fileCreatedAt", complaints)
    modified = body.date(dict(upload.fields), "fileModifiedAt", complaints)
    if not upload.file_name:
        complaints.append("Field(s) assetData should not be empty")
    body.refuse_if(complaints)
    name = Path(upload.fields.get("filename") or upload.file_name).name
    mime_type = TYPES.guess_type(f"file:{name}")[0] or ""
    kind = mime_type.partition("/")[0].upper()
    if kind not in {"IMAGE", "VIDEO"}:
        raise bad_request(f"Unsupported file type {name}")
    return Asset(
        id=str(uuid.uuid4()),
        owner_id=caller.user.id,
        checksum=base64.b64encode(upload.sha1).decode(),
        kind=kind,
        file_name=name,
        mime_type=mime_type,
        size=upload.size,
        file_created_at=created,
        file_modified_at=modified,
        visibility=upload.fields.get("visibility") or "timeline",
        is_favorite=upload.fields.get("isFavorite") == "true",
        is_trashed=False,
        created_at=now(),
    )


def duplicate(known: Asset) -> Response:
    return JSONResponse({"id": known.id, "status": "duplicate"})


def as_base64(checksum: str) -> str:
    """A SHA-1 comes as 28 characters of base64 or as 40 of hex; anything else is no asset's."""
    try:
        raw = base64.b64decode(checksum, validate=True) if len(checksum) == 28 else bytes.fromhex(checksum)
    except (binascii.Error, ValueError):
        return ""
    return base64.b64encode(raw).decode()
