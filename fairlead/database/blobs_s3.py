"""Blobs in an S3-compatible store: the same door as a folder, for machines that share none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from fairlead.database.blobs import folder_of, gone, is_reference, parts_of, reference_of, verified
from fairlead.errors import DatabaseUnavailable

_ERRORS = (BaseError, OSError)  # the library raises Python's own for some: not found, not permitted
_TIMEOUT = timedelta(seconds=30)
_RETRY_FOR = timedelta(seconds=5)
_HINT = "Check AWS_S3_BUCKET, its endpoint, region and keys, and that it can be reached."


class S3Blobs:
    """One object for each blob, under `prefix/scope/digest`. An object is whole or absent: S3 knows nothing between."""

    def __init__(self, bucket: str, *, prefix: str = "", config: Mapping[str, Any]) -> None:
        """`config`: as obstore names it, such as endpoint, region, access_key_id, secret_access_key."""
        given: Any = {**config, "virtual_hosted_style_request": False} if "endpoint" in config else dict(config)
        plain = str(config.get("endpoint", "")).startswith("http:")
        self._bucket = bucket
        self._store = S3Store(
            bucket, prefix=prefix or None, config=given, client_options={"allow_http": plain, "timeout": _TIMEOUT},
            retry_config={"max_retries": 2, "retry_timeout": _RETRY_FOR},
        )  # fmt: skip

    async def put(self, scope: str, data: bytes) -> str:
        return await self.put_file(scope, BytesIO(data))

    async def put_file(self, scope: str, file: BinaryIO) -> str:
        reference = await asyncio.to_thread(reference_of, scope, file)
        file.seek(0)
        await self._keep(reference, file)
        return reference

    async def put_back(self, reference: str, data: bytes) -> None:
        await self._keep(reference, BytesIO(verified(reference, data)))

    async def get(self, reference: str) -> bytes:
        parts_of(reference)
        try:
            found = await obstore.get_async(self._store, reference)
            data = bytes(await found.bytes_async())
        except FileNotFoundError:
            raise gone(reference) from None
        except _ERRORS as error:
            raise self._unavailable("give a value", error) from error
        return verified(reference, data)

    async def list_scope(self, scope: str) -> list[str]:
        try:
            return [one["path"] async for page in self._pages(folder_of(scope)) for one in page]
        except _ERRORS as error:
            raise self._unavailable("list values", error) from error

    async def list_all(self) -> AsyncIterator[str]:
        try:
            async for page in self._pages(""):
                for one in page:
                    if is_reference(one["path"]):  # without a prefix, others may keep theirs in the same bucket
                        yield one["path"]
        except _ERRORS as error:
            raise self._unavailable("list values", error) from error

    async def sweep(self, scope: str, *, keep: Collection[str], before: datetime) -> int:
        removed = 0
        try:
            async for page in self._pages(folder_of(scope)):
                unused = [one["path"] for one in page if one["path"] not in keep and one["last_modified"] < before]
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, unused)
                removed += len(unused)
        except _ERRORS as error:
            raise self._unavailable("forget values", error) from error
        return removed

    async def delete_scope(self, scope: str) -> None:
        try:
            async for page in self._pages(folder_of(scope)):
                with suppress(FileNotFoundError):  # another has been quicker
                    await obstore.delete_async(self._store, [one["path"] for one in page])
        except _ERRORS as error:
            raise self._unavailable("forget values", error) from error

    async def _keep(self, reference: str, file: BinaryIO) -> None:
        try:
            await obstore.put_async(self._store, reference, file)  # pyright: ignore[reportArgumentType]  any file will do
        except _ERRORS as error:
            raise self._unavailable("take a value", error) from error

    async def _pages(self, folder: str) -> AsyncIterator[Sequence[Any]]:
        """What the store says of each object, some at a time: `path`, which is the reference, and `last_modified`."""
        async for page in obstore.list(  # pyright: ignore[reportUnknownMemberType]  its tables are of a library we have not
            self._store, f"{folder}/" if folder else None
        ):
            yield page

    def _unavailable(self, what: str, error: Exception) -> DatabaseUnavailable:
        # The library's message is a tree of causes, with addresses; the first line says it.
        said = (str(error).splitlines() or [type(error).__name__])[0][:300]
        return DatabaseUnavailable(f"The bucket {self._bucket} can't {what}: {said}.", hint=_HINT)
