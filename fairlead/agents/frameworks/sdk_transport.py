"""The one patch: model calls of libraries inside a run are answered by the run, not by the network.

    httpx2 or httpx, sync or async  ──►  transport  ──►  inside a run, to an address we can answer?
                                                          yes  ──►  the guest of the moment
                                                          no   ──►  the transport, as ever

It lies under `HTTPTransport` and `AsyncHTTPTransport`, so that a client's auth, hooks, retries and transports of the
user's own (a `MockTransport` in a test) work as they did. Libraries are only touched when somebody else imports them.
Model calls that go past us (websockets, aiohttp, other clouds' SDKs) are told of, and refused where a setting says so.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from fairlead.agents.frameworks.answer import Question, ask_model
from fairlead.agents.guest import Guest, current
from fairlead.gateway.addresses import Address, Addresses, plain_url
from fairlead.telemetry.emit import Emit

_ORIGINAL = "__fairlead_original__"
# Said as by a server: its clients put it into a line of their log, heard or not, and look long for what is not said.
_OK = {"http_version": b"HTTP/1.1", "reason_phrase": b"OK"}
_SCHEME = "://"


def lay_under(addresses: Addresses, emit: Emit) -> None:
    """Patch what is imported already, and the rest when it is. Calling it again changes nothing but who hears of
    model calls that are made outside of all runs: where they look like a thread that lost its context."""
    hook = next((one for one in sys.meta_path if isinstance(one, _Hook)), None)
    if hook is None:
        hook = _Hook()
        sys.meta_path.insert(0, hook)
    hook.listen(addresses, emit)
    for name in hook.patches:
        if (module := sys.modules.get(name)) is not None:
            hook.patch(module)


def take_away() -> None:
    """Everything as it was, for tests."""
    for hook in [one for one in sys.meta_path if isinstance(one, _Hook)]:
        sys.meta_path.remove(hook)
        hook.restore()


class _Hook(importlib.abc.MetaPathFinder):
    """Finds nothing itself: it waits for a library to be imported, and patches it then."""

    def __init__(self) -> None:
        self.patches: dict[str, Callable[[ModuleType], None]] = {
            "httpx2": self._govern,
            "httpx": self._govern,
            "aiohttp": lambda aiohttp: self._watch(aiohttp.ClientSession, "_request", _of_aiohttp),
            "requests": lambda requests: self._watch(requests.Session, "send", _of_prepared),
            "botocore.httpsession": lambda session: self._watch(session.URLLib3Session, "send", _of_prepared),
            "websockets.asyncio.client": lambda client: self._watch(client.connect, "__init__", _of_websocket),
            "websockets.sync.client": lambda client: self._watch(client, "connect", _of_websocket),
        }
        self._patched: list[tuple[Any, str, Any]] = []
        self._told: set[str] = set()
        self._addresses = Addresses()
        self._emit: Emit | None = None

    def listen(self, addresses: Addresses, emit: Emit) -> None:
        self._addresses, self._emit = addresses, emit

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.patches:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Patching(spec.loader, self.patch)
                return spec
        return None

    def patch(self, module: ModuleType) -> None:
        name = next((name for name in self.patches if sys.modules.get(name) is module), module.__name__)
        self.patches[name](module)

    def restore(self) -> None:
        for owner, name, original in reversed(self._patched):
            setattr(owner, name, original)

    def decide(self, client: str, method: str, url: str) -> tuple[Guest, Address] | None:
        """Who answers this request; None: the network, as ever. Raises where that is refused."""
        guest = current()
        addresses = self._addresses if guest is None else guest.rules.addresses
        if guest is not None and (address := addresses.find(method, url)) is not None:
            return guest, address
        if addresses.looks_like_model_call(method, url):
            said = plain_url(url).partition(_SCHEME)[2]
            if guest is not None:
                guest.ungoverned(client, said)
            elif self._emit is not None and said not in self._told:
                self._told.add(said)
                self._emit("llm_ungoverned", client=client, address=said, refused=False)
        return None

    def _govern(self, httpx: Any) -> None:
        library: str = httpx.__name__
        pieces, sync_pieces = _streams(httpx)
        whole = _whole(httpx)

        def around(original: Any) -> Any:
            async def handle_async_request(self_: Any, request: Any) -> Any:
                decided = self.decide(library, request.method, str(request.url))
                if decided is None:
                    return await original(self_, request)
                guest, address = decided
                question = _question(address, await request.aread(), request)
                answer = await guest.reach(ask_model(guest, question))
                if isinstance(answer.body, bytes):
                    return whole(answer.status, answer.headers, answer.body)
                return httpx.Response(answer.status, headers=answer.headers, stream=pieces(guest, answer.body))

            return handle_async_request

        def around_sync(original: Any) -> Any:
            def handle_request(self_: Any, request: Any) -> Any:
                decided = self.decide(library, request.method, str(request.url))
                if decided is None:
                    return original(self_, request)
                guest, address = decided
                answer = guest.wait(ask_model(guest, _question(address, request.read(), request)))
                if isinstance(answer.body, bytes):
                    return whole(answer.status, answer.headers, answer.body)
                return httpx.Response(answer.status, headers=answer.headers, stream=sync_pieces(guest, answer.body))

            return handle_request

        self._replace(httpx.AsyncHTTPTransport, "handle_async_request", around)
        self._replace(httpx.HTTPTransport, "handle_request", around_sync)

    def _watch(self, owner: Any, name: str, asked: Callable[..., tuple[str, str]]) -> None:
        client = str(owner.__module__ if hasattr(owner, "__module__") else owner.__name__).partition(".")[0]

        def around(original: Any) -> Any:
            def watched(*args: Any, **kwargs: Any) -> Any:
                self.decide_past(client, *asked(*args, **kwargs))
                return original(*args, **kwargs)

            return watched

        self._replace(owner, name, around)

    def decide_past(self, client: str, method: str, url: str) -> None:
        """A client that can't be governed is about to ask. Outside of runs it may be our own, which sends what is."""
        if current() is None:
            return
        decided = self.decide(client, method, url)
        if decided is not None:
            decided[0].ungoverned(client, plain_url(url).partition(_SCHEME)[2])

    def _replace(self, owner: Any, name: str, around: Callable[[Any], Any]) -> None:
        original = getattr(owner, name, None)
        if original is None or hasattr(original, _ORIGINAL):
            return
        patched = around(original)
        setattr(patched, _ORIGINAL, original)
        self._patched.append((owner, name, original))
        setattr(owner, name, patched)


class _Patching(importlib.abc.Loader):
    """A module's own loader, and the patch after it."""

    def __init__(self, loader: Any, patch: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._patch = patch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._patch(module)


def _question(address: Address, body: bytes, request: Any) -> Question:
    timeouts: dict[str, float | None] = request.extensions.get("timeout") or {}
    wait = timeouts.get("read")
    headers: Mapping[str, str] = request.headers
    return Question(address, body, headers, None if wait is None else timedelta(seconds=wait))


Whole = Callable[[int, Mapping[str, str], bytes], Any]


def _whole(httpx: Any) -> Whole:
    """Makes responses with all of their body. A library's own way reads the body through its decoders and iterators,
    which takes longer than all else that we do for a library; so it is left as it is after that where we know how."""

    def read(status: int, headers: Mapping[str, str], body: bytes) -> Any:
        return httpx.Response(status, headers=headers, content=body)

    def ready(status: int, headers: Mapping[str, str], body: bytes) -> Any:
        length = str(len(body))
        response = httpx.Response(
            status, headers={**headers, "content-length": length}, stream=httpx.ByteStream(body),
            extensions=_OK if status == 200 else None,
        )  # fmt: skip
        response.headers.encoding = "ascii"  # they would be looked through for that
        response._content = body
        response.is_closed = response.is_stream_consumed = True
        return response

    return ready if "_content" in vars(read(200, {}, b"")) else read


def _streams(httpx: Any) -> tuple[Any, Any]:
    """The stream types that this library's clients insist on."""

    class AsyncPieces(httpx.AsyncByteStream):
        def __init__(self, guest: Guest, pieces: Any) -> None:
            self._guest, self._pieces = guest, pieces

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while piece := await self._guest.reach(self._pieces.next_piece()):
                yield piece

        async def aclose(self) -> None:
            await self._guest.reach(self._pieces.close())

    class SyncPieces(httpx.SyncByteStream):
        def __init__(self, guest: Guest, pieces: Any) -> None:
            self._guest, self._pieces = guest, pieces

        def __iter__(self) -> Iterator[bytes]:
            while piece := self._guest.wait(self._pieces.next_piece()):
                yield piece

        def close(self) -> None:
            self._guest.wait(self._pieces.close())

    return AsyncPieces, SyncPieces


def _of_aiohttp(session: Any, method: str, url: Any, **_: Any) -> tuple[str, str]:
    return method.upper(), str(getattr(session, "_base_url", None) or "") + str(url)


def _of_prepared(session: Any, request: Any, *_: Any, **__: Any) -> tuple[str, str]:
    """Of requests and of botocore."""
    return str(request.method), str(request.url)


def _of_websocket(*args: Any, **kwargs: Any) -> tuple[str, str]:
    uri = kwargs.get("uri") or next((one for one in args if isinstance(one, str)), "")
    return "GET", str(uri)
