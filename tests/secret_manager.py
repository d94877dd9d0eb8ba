"""A secret manager as AWS speaks, on loopback: one that keeps secrets (moto), and one that refuses with any of its
errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import boto3
import orjson
from moto.server import ThreadedMotoServer

from tests.listening import listening
from tests.servers import free_port


def variables(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing-secret",
    }  # fmt: skip


class Manager:
    """Stopped and started again it has what it had."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kept: dict[str, str | bytes] = {}
        logging.getLogger("werkzeug").setLevel(logging.ERROR)

    @property
    def environ(self) -> dict[str, str]:
        return variables(self.url)

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port)
        self._server.start()
        for name, value in self.kept.items():
            self.put(name, value)

    def stop(self) -> None:
        self._server.stop()

    def put(self, name: str, value: str | bytes | dict[str, Any]) -> str:
        """Kept from now on, as AWSCURRENT; what was there is AWSPREVIOUS. Answers the version."""
        said = orjson.dumps(value).decode() if isinstance(value, dict) else value
        given: dict[str, Any] = {"SecretString": said} if isinstance(said, str) else {"SecretBinary": said}
        client = self.client()
        if name in {one["Name"] for one in client.list_secrets()["SecretList"]}:
            answer = client.put_secret_value(SecretId=name, **given)
        else:
            answer = client.create_secret(Name=name, **given)
        self.kept[name] = said
        return answer["VersionId"]

    def client(self) -> Any:
        return boto3.client(
            "secretsmanager", endpoint_url=self.url, region_name="eu-central-1", aws_access_key_id="testing",
            aws_secret_access_key="testing-secret",
        )  # fmt: skip


@contextmanager
def secret_manager() -> Iterator[Manager]:
    made = Manager()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@asynccontextmanager
async def refusing(code: str, *, status: int = 400) -> AsyncIterator[str]:
    """Answers everything with this error of AWS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                body = orjson.dumps({"__type": code, "message": "no"})
                writer.write(
                    b"HTTP/1.1 %d No\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: %d\r\n\r\n%b"
                    % (status, len(body), body)
                )
        except (ConnectionError, asyncio.IncompleteReadError):
            return

    async with listening(answer) as port:
        yield f"http://127.0.0.1:{port}"
