"""A multipart upload, streamed to disk: no more than one chunk of it is ever in memory."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from lab.immich.errors import bad_request

LARGEST_FIELD = 1024 * 1024
FILE_PARTS = {"assetData", "sidecarData"}


@dataclass
class Upload:
    path: Path
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str = ""
    size: int = 0
    sha1: bytes = b""


class _Form:
    """Takes the parser's events: the bytes of `assetData` go to the file, small fields are kept."""

    def __init__(self, upload: Upload, file: BinaryIO) -> None:
        self._upload = upload
        self._file = file
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._headers: dict[str, str] = {}
        self._header_name, self._header_value = b"", b""
        self._name, self._value = "", bytearray()
        self.ended = False

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._headers, self._name, self._value = {}, "", bytearray()

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value.decode()
        self._header_name, self._header_value = b"", b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        self._name = options.get(b"name", b"").decode()
        if self._name == "assetData":
            if self._upload.file_name:
                raise FormParserError("Unexpected field - assetData")
            self._upload.file_name = options.get(b"filename", b"").decode() or "assetData"

    def _data(self, data: bytes, start: int, end: int) -> None:
        chunk = data[start:end]
        if self._name == "assetData":
            self._file.write(chunk)
            self._sha1.update(chunk)
            self._upload.size += len(chunk)
        elif self._name not in FILE_PARTS:  # a sidecar is accepted and dropped
            self._value += chunk
            if len(self._value) > LARGEST_FIELD:
                raise FormParserError("Field value too long")

    def _end_part(self) -> None:
        if self._name not in FILE_PARTS:
            self._upload.fields[self._name] = self._value.decode()

    def _end(self) -> None:
        self._upload.sha1 = self._sha1.digest()
        self.ended = True


async def receive(request: Request, path: Path) -> Upload:
    """Raises ApiError 400 on a body that is no whole form; the file at `path` is the caller's to remove."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise bad_request("Multipart: Boundary not found")
    upload = Upload(path)
    with path.open("wb") as file:
        form = _Form(upload, file)
        try:
            parser = form.parser(options[b"boundary"])
            async for chunk in request.stream():
                parser.write(chunk)
        except ClientDisconnect:
            raise bad_request("Request aborted") from None
        except (FormParserError, UnicodeDecodeError) as error:
            raise bad_request(str(error)) from None
    if not form.ended:
        raise bad_request("Unexpected end of form")
    return upload
