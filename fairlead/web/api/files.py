"""Files for runs to read: uploaded as a form or as they are, kept until they expire.

POST, GET /files   GET, DELETE /files/{file_id}   GET /files/{file_id}/content
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast
from urllib.parse import quote

from pydantic import ConfigDict, Field
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fairlead.access import Role
from fairlead.errors import InvalidInput, TooLarge
from fairlead.store import File, media_type_of
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.shape import Shape

_IN_MEMORY = 1024**2  # of an upload; the rest goes to a temporary file
FORM_SLACK = 64 * 1024  # bytes of a form around its file
_LONGEST_S = 366 * 24 * 3600
_SAFE = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain"))


class UploadQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, description="What a file that is sent as it is is called.")
    expires_after_seconds: Annotated[float, Field(gt=0, le=_LONGEST_S)] | None = Field(
        None, description="Default, and longest: FILE_TTL."
    )


class FileQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    user: str | None = None
    before: str | None = Field(None, description="Older than the file of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class FileView(Shape):
    id: str
    name: str
    media_type: str
    size: int
    digest: str = Field(description="SHA-256.")
    user: str | None
    created_by: str
    created_at: datetime
    expires_at: datetime = Field(description="It stays while a run needs it that has not ended.")


class Files:
    def __init__(self, doors: Doors) -> None:
        self._files = doors.stores.files

    def operations(self) -> list[Operation]:
        one = "/files/{file_id}"
        tag: dict[str, Any] = {"tag": "files"}
        limit = self._files.limit + FORM_SLACK
        return [
            Operation("POST", "/files", self.upload, "Upload a file", role=Role.OPERATOR, query=UploadQuery,
                      gives=FileView, status=201, limit=limit, problems=(413,), **tag),
            Operation("GET", "/files", self.list, "Files, newest first", query=FileQuery, gives=list[FileView], **tag),
            Operation("GET", one, self.get, "One file", gives=FileView, problems=(404,), **tag),
            Operation("GET", f"{one}/content", self.content, "Its bytes", media_type="application/octet-stream",
                      problems=(404,), **tag),
            Operation("DELETE", one, self.delete, "Delete a file", role=Role.OPERATOR, status=204, problems=(404,),
                      audit="file.delete", **tag),
        ]  # fmt: skip

    async def upload(self, call: Call) -> Reply:
        """As `multipart/form-data` with one part `file`, or the bytes themselves with their Content-Type."""
        query = call.query(UploadQuery)
        keep = timedelta(seconds=query.expires_after_seconds) if query.expires_after_seconds else None
        kind = call.header("content-type") or "application/octet-stream"
        if kind.lower().startswith("multipart/form-data"):
            async with _form(call) as form:
                file = _only_file(form)
                return await self._add(call, file.file, query.name or file.filename, file.content_type, keep)
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
            async for piece in call.pieces():
                spooled.write(piece)
            return await self._add(call, cast("BinaryIO", spooled), query.name, kind, keep)

    async def list(self, call: Call) -> Reply:
        query = call.query(FileQuery)
        found = await self._files.list(tenant=call.tenant, user=query.user, before=query.before, limit=query.limit)
        return json_reply([_view(file) for file in found])

    async def get(self, call: Call) -> Reply:
        return json_reply(_view(await self._files.get(call.path["file_id"], tenant=call.tenant)))

    async def content(self, call: Call) -> Reply:
        """Never shown by a browser as a page of ours: what is not plainly a picture or text is downloaded."""
        file, data = await self._files.read(call.path["file_id"], tenant=call.tenant)
        how = "inline" if file.media_type in _SAFE else "attachment"
        disposition = f"{how}; filename*=UTF-8''{quote(file.name, safe='')}"
        media_type = (file.media_type if file.media_type in _SAFE else "application/octet-stream").encode()
        return JsonReply(data, headers=[(b"content-disposition", disposition.encode())], media_type=media_type)

    async def delete(self, call: Call) -> Reply:
        """Also one that a run needs: it is told that it is gone."""
        await self._files.delete(call.path["file_id"], tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def _add(
        self, call: Call, file: BinaryIO, name: str | None, media_type: str | None, keep: timedelta | None
    ) -> Reply:
        size = file.seek(0, 2)
        if size > self._files.limit:
            raise TooLarge(
                f"The file is larger than {self._files.limit} bytes.", hint="Send less, or raise FILE_LIMIT."
            )
        made = await self._files.add(
            file, name=name or "file", size=size, tenant=call.tenant, by=call.by, keep=keep,
            media_type=media_type_of(media_type),
            user=call.visit.caller.user,
        )  # fmt: skip
        return json_reply(_view(made), status=201, headers=[(b"location", f"/files/{made.id}".encode())])


@asynccontextmanager
async def _form(call: Call) -> AsyncGenerator[FormData]:
    """Raises `InvalidInput` for what is no form."""
    headers = Headers(raw=[(b"content-type", (call.header("content-type") or "").encode("latin-1", "replace"))])
    parser = MultiPartParser(headers, call.pieces(), max_files=1, max_fields=1)
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise InvalidInput(f"This is no form with one file: {error}.", hint="Send one part named `file`.") from error
    try:
        yield form
    finally:
        await form.close()


def _only_file(form: FormData) -> UploadFile:
    file = form.get("file")
    if not isinstance(file, UploadFile) or len(form.multi_items()) != 1:
        raise InvalidInput("The form must have one part, a file named `file`.")
    return file


def _view(file: File) -> dict[str, Any]:
    return {name: getattr(file, name) for name in FileView.model_fields}
