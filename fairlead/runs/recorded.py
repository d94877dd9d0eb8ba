"""Doing a thing once: answer from the book, or do it and record it. The heart of every step.

take ──► settled           answer what was answered
     ├─► begun only        a model call: again (and it was charged) · an unsafe tool: find out what happened
     ├─► nothing, passed by other records: the run diverged
     └─► nothing           [intent] ──► work ──► record
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Any, NoReturn

from fairlead.agents.jsonable import decode, encode
from fairlead.agents.thread import in_thread
from fairlead.errors import FairleadError, NotJson
from fairlead.runs.book import Record
from fairlead.runs.branch import Branch, current, enter
from fairlead.runs.ending import Ending, diverged
from fairlead.runs.failure import recalled
from fairlead.runs.holding import Holding
from fairlead.runs.journal import Said
from fairlead.runs.step import Step
from fairlead.telemetry.emit import Emit

_CHANCE = timedelta(milliseconds=20)  # a branch goes through all it has recorded without a pause
_TURNS = 100  # of the loop: after a process has stood still, timers ring before anybody has had a chance
EMPTY = blake2b(b"", digest_size=12).hexdigest()


class Recording:
    """The steps of one held run."""

    def __init__(self, held: Holding, root: Branch, emit: Emit) -> None:
        self.held = held
        self._root = root
        self._emit = emit

    async def once(self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A plain step: `fn` is done, and its result recorded, once."""
        given = fingerprint(args, kwargs) if args or kwargs else b""
        step, record = await self.enter("step", name, digest_of(given))
        if record is not None and record.settled is not None:
            return self.replay(record)
        return await self.perform(step, lambda: _call(fn, args, kwargs), given=given)

    async def enter(self, kind: str, name: str, digest: str, *, effect: bool = False) -> tuple[Step, Record | None]:
        """The next step of this branch, and what is recorded of it."""
        held = self.held
        if held.ending is not None or held.left:  # a task that outlived its run, or swallowed its cancellation
            raise asyncio.CancelledError
        branch = current() or self._root
        key = branch.key(kind, name, digest)
        record = held.book.take(key)
        if record is None and held.book.left:
            record = await self._made_elsewhere(kind, name, digest)
        if record is not None and record.key != key:
            # It was made elsewhere. From now on it is this step's, however often the run is resumed.
            await held.record("alias", Step(kind, name, digest, key, branch.path), encode({"of": record.key}))
            key = record.key
        elif record is None and held.run.fence > 1:
            if held.book.left and not held.book.failed_before(key):
                self._look_for_divergence(branch, kind, name, effect=effect)
            key = held.book.free_key(key)
        return Step(kind, name, digest, key, branch.path, held.clock.micros()), record

    async def _made_elsewhere(self, kind: str, name: str, digest: str) -> Record | None:
        """A record of the same thing from another branch, but not before that branch has had its chance: side by
        side with ours it may be about to ask for the very same thing, and answers would be swapped."""
        held = self.held
        held.begin()  # whoever waits here must not be parked
        try:
            while (found := held.book.like(kind, name, digest)) is not None:
                left = held.book.left
                await held.clock.sleep(_CHANCE)
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                if held.book.left == left:
                    return held.book.claim(found)
        finally:
            held.end()
        return None

    def replay(self, record: Record) -> Any:
        """What came of it then. Raises what was raised then."""
        event = record.settled
        data: dict[str, Any] = (event.data if event is not None else None) or {}
        self.held.steps += 1
        self.held.book.forget_inside(record.key)
        if "error" in data:
            raise recalled(data["error"]["error"], data["error"]["message"])
        return data.get("result")

    async def perform(self, step: Step, work: Callable[[], Awaitable[Any]], *, given: bytes = b"") -> Any:
        """Do it and record what came of it, an error as well."""
        held = self.held
        held.begin()
        started = held.clock.monotonic()
        try:
            try:
                result = await self._within(step, work)
                encoded = encode(result)
            except Exception as error:
                await self.fail(step, error, given)
                raise
            await self.done(step, _object(given, b'"result":' + encoded))
        finally:
            held.end()
        self._emit(
            "step_recorded", run_id=held.run.id, agent=held.run.agent, kind=step.kind, name=step.name,
            took=timedelta(seconds=held.clock.monotonic() - started),
        )  # fmt: skip
        # The caller sees what a replay will see: a tuple is a list the first time too.
        return result if isinstance(result, _SAME_IN_JSON) else decode(encoded)

    async def _within(self, step: Step, work: Callable[[], Awaitable[Any]]) -> Any:
        outer = current() or self._root
        inner = outer.inside(step.key)
        enter(inner)
        try:
            return await work()
        finally:
            outer.ended(inner.path)
            enter(outer)

    async def done(self, step: Step, data: bytes) -> None:
        self.held.steps += 1
        await self.held.record("step", step, data)

    async def fail(self, step: Step, error: Exception, given: bytes = b"", *, charged: int = 0) -> None:
        code = error.code if isinstance(error, FairleadError) else type(error).__name__
        described = b'"error":' + encode({"error": code, "message": str(error) or code})
        if charged:
            described += b',"cost_nano":' + str(charged).encode()
        self.held.steps += 1
        await self.held.record("failed", step, _object(given, described))

    async def begin(self, step: Step, data: bytes, said: Sequence[Said] = ()) -> None:
        """An intent: after this, nobody can say that it was never tried."""
        await self.held.record("intent", step, data, said)

    def halt(self, ending: Ending) -> NoReturn:
        """Leave the run from whatever branch found out that it can't go on."""
        self.held.halt(ending)
        raise asyncio.CancelledError

    def _look_for_divergence(self, branch: Branch, kind: str, name: str, *, effect: bool) -> None:
        book = self.held.book
        passed = book.passed_by(branch)
        if not passed or book.other_path_accepted:
            return
        if new := [record for record in passed if not record.told]:
            self._tell_divergence(new, branch, kind, name)
        if effect:
            self.halt(diverged(name))

    def _tell_divergence(self, passed: list[Record], branch: Branch, kind: str, name: str) -> None:
        """Once, not at every step. What is recorded stays: this path may come to it yet, and must not repeat it."""
        run = self.held.run
        self._emit("run_diverged", run_id=run.id, agent=run.agent, step=name, kind=kind, left=len(passed))
        expected = {"expected": passed[0].name, "expected_kind": passed[0].kind, "left": len(passed)}
        self.held.note("diverged", Step(kind, name, branch=branch.path), expected)
        for record in passed:
            record.told = True


_SAME_IN_JSON = (str, bool, int, float, type(None))


def digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=12).hexdigest() if data else EMPTY


def fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """The arguments as JSON. What JSON can't carry counts by its type: it must not make a step unrecognisable."""
    value = {"args": args, "kwargs": kwargs} if kwargs else {"args": args}
    try:
        return encode(value)
    except NotJson:
        return encode({"args": [_tame(a) for a in args], "kwargs": {k: _tame(v) for k, v in kwargs.items()}})


def _tame(value: Any) -> Any:
    try:
        encode(value)
    except NotJson:
        return f"<{type(value).__qualname__}>"
    return value


def _object(given: bytes, member: bytes) -> bytes:
    return b'{"arguments":' + given + b"," + member + b"}" if given else b"{" + member + b"}"


async def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if inspect.iscoroutinefunction(fn):
        return await fn(*args, **kwargs)
    result = await in_thread(fn, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result
