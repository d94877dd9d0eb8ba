"""A form of ours that may bring files: its fields, and the files kept for a run to read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from fairlead.access import Principal
from fairlead.errors import InvalidInput, TooLarge
from fairlead.store import File, Files, media_type_of
from fairlead.web.console import policy
from fairlead.web.console.section import own_form

MOST_FILES = 10
_MOST_FIELDS = 400
_SLACK = 512_000  # bytes of a form around its files


@dataclass(frozen=True, slots=True)
class Sent:
    fields: dict[str, str]
    files: dict[str, list[UploadFile]] = field(default_factory=dict[str, list[UploadFile]])


@asynccontextmanager
async def own_upload(request: Request, *, limit: int) -> AsyncGenerator[Sent]:
    """The last value of each field, and the files by field. Raises `Unauthorised` when another site sent it, and
    `InvalidInput`, `TooLarge`."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        yield Sent(await own_form(request))
        return
    form = await _parsed(request, limit + _SLACK)
    try:
        sent = _sorted(form)
        policy.check_own(request.headers, request.cookies, sent.fields)
        yield sent
    finally:
        await form.close()


async def keep(files: Files, upload: UploadFile, *, caller: Principal) -> File:
    """Raises `TooLarge`, `InvalidInput`."""
    size = upload.file.seek(0, 2)
    if size > files.limit:
        raise TooLarge(f"The file is larger than {files.limit} bytes.", hint="Send less, or raise FILE_LIMIT.")
    name = (upload.filename or "file").replace("\\", "/").rpartition("/")[2][:255] or "file"
    return await files.add(
        upload.file, name=name, media_type=media_type_of(upload.content_type), size=size, tenant=caller.tenant,
        by=caller.name, user=caller.user,
    )  # fmt: skip


async def _parsed(request: Request, most: int) -> FormData:
    async def bounded() -> AsyncGenerator[bytes]:
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise TooLarge(f"The form is larger than {most} bytes.")
            yield piece

    try:
        parser = MultiPartParser(request.headers, bounded(), max_files=MOST_FILES, max_fields=_MOST_FIELDS)
        return await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise InvalidInput(f"This is no form: {error}.") from error


def _sorted(form: FormData) -> Sent:
    sent = Sent({})
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent.fields[name] = value
        elif value.filename:  # a browser sends an empty part when no file was chosen
            sent.files.setdefault(name, []).append(value)
    return sent
