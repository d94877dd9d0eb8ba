"""A server that is a program of ours: lines of JSON over its standard input and output.

The SDK has a transport of its own. Ours bounds a line, hears standard error line by line, leaves no process behind when
the worker is killed (`minder`), and says with which exit code the program ended.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from fairlead.agents.mcp.declared import Server
from fairlead.agents.mcp.ending import Ended
from fairlead.config import inherited

_LONGEST_LINE = 16 * 1024**2
_LONGEST_TOLD = 2000
_LAST_WORDS = 2.0  # seconds that a program has to end by itself
_KILLED = 4.0  # seconds until it must be gone after that
_MINDER = Path(__file__).with_name("minder.py")

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@asynccontextmanager
async def over_stdio(server: Server, ended: Ended, said: Callable[[str, str], None]) -> AsyncGenerator[Streams]:
    """Starts the program; ends it on leaving. `said` hears its lines on stderr, and those on stdout that are no JSON.

    Raises OSError when it cannot be started.
    """
    theirs, ours = os.pipe()
    try:
        process = await _start(server, theirs)
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_hear(process, incoming, ended, said)),
        asyncio.create_task(_tell(process, outgoing)),
        asyncio.create_task(_listen(process, said)),
    ]
    try:
        yield read, write
    finally:
        try:
            await _end(process, ours)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (incoming, read, write, outgoing):
                stream.close()


async def _start(server: Server, lifeline: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", str(_MINDER), str(lifeline), *server.command,
        env={**inherited(), **server.env}, cwd=server.cwd, stdin=PIPE, stdout=PIPE, stderr=PIPE, pass_fds=(lifeline,),
        start_new_session=True, limit=_LONGEST_LINE,
    )  # fmt: skip


async def _hear(
    process: Process,
    incoming: MemoryObjectSendStream[SessionMessage | Exception],
    ended: Ended,
    said: Callable[[str, str], None],
) -> None:
    assert process.stdout is not None
    why = ""
    async with incoming:  # closing it fails every call that waits
        try:
            while line := await process.stdout.readline():
                if not line.strip():
                    continue
                try:
                    message = mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    said("stdout", _text(line))
                    continue
                await incoming.send(SessionMessage(message))
        except ValueError:
            why = f"it wrote a line of more than {_LONGEST_LINE} bytes"
        except (anyio.ClosedResourceError, anyio.BrokenResourceError, ConnectionError):
            pass  # we are leaving
        if not why:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await process.wait()
            code = process.returncode
            why = "it closed its output" if code is None else f"it ended with exit code {code}"
        ended.now(why)


async def _tell(process: Process, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    async with outgoing:
        async for message in outgoing:
            data = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            try:
                process.stdin.write(data.encode() + b"\n")
                await process.stdin.drain()
            except (ConnectionError, RuntimeError):
                return  # it has ended, or closed its input: `_hear` tells


async def _listen(process: Process, said: Callable[[str, str], None]) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # a line without end: what was read of it is gone
            continue
        if not line:
            return
        if line.strip():
            said("stderr", _text(line))


def _text(line: bytes) -> str:
    return line[: _LONGEST_TOLD * 4].decode("utf-8", "replace").rstrip()[:_LONGEST_TOLD]


async def _end(process: Process, lifeline: int) -> None:
    """First it is asked by the end of its input, then by its minder, then nobody asks."""
    try:
        if process.stdin is not None:
            process.stdin.close()
        if await _gone(process, _LAST_WORDS):
            return
    finally:
        os.close(lifeline)
    if not await _gone(process, _KILLED):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await _gone(process, _KILLED)


async def _gone(process: Process, patience: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await process.wait()
    return process.returncode is not None
