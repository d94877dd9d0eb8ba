"""What a wire format must offer: each is one module of this shape, and `WIRES` has them all.

A body is plain JSON in its own format and is never rewritten where it need not be. An answer is checked before anyone
believes it: what is missing, of the wrong type or absurd is a BrokenAnswer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from fairlead.errors import FairleadError
from fairlead.gateway.types import Format
from fairlead.gateway.usage import Usage

Json = dict[str, Any]


class Assembly(Protocol):
    """Puts the events of a stream together into the whole answer that they tell of."""

    size: int
    """Bytes of text, reasoning, refusals and arguments so far."""
    done: bool
    """The provider has said that this was all."""

    def feed(self, data: bytes) -> str:
        """Takes the data of one event and returns the text it adds for a reader.

        Raises BrokenAnswer for what is no event of this format, out of order, or usage that can't be true;
        ErrorWithin for an error in the provider's own words. Once `done`, nothing more may come.
        """
        ...

    def usage(self) -> Usage | None:
        """What the provider has said so far that it used; never raises. `estimated` while it is known in part only:
        of a stream that is cut then the input is right, and the output is at least this much."""
        ...

    def finish(self) -> Json:
        """The whole answer, checked; BrokenAnswer when the end never came."""
        ...


class Wire(Protocol):
    @property
    def FORMAT(self) -> Format: ...

    @property
    def PATH(self) -> str:
        """Behind a provider's base URL: "/chat/completions"."""
        ...

    def parse_request(self, body: bytes) -> Json:
        """A request as a client sends it, checked as far as we rely on it. Raises InvalidInput."""
        ...

    def build(self, body: Json, *, model: str, streamed: bool, cap_name: str = "") -> bytes:
        """The request as the provider wants it: its model name, our cap on the answer where there is none, usage
        asked of streams. `cap_name`: the cap's name where providers of this format differ. NotJson for what can't be
        sent, InvalidInput for a cap that is no number of tokens: nobody could say what it may cost."""
        ...

    def output_cap(self, body: Json) -> int:
        """The most tokens that one choice of the answer may have; `usage.OUTPUT_CAP` when the body names none.
        InvalidInput as for `build`."""
        ...

    def parts(self, body: Json) -> Iterable[Json]:
        """Each object in the request that may cost more tokens than it has bytes: images, files, what is kept at
        the provider, tools that it runs. Never text, calls or thoughts. `bounds` looks at its `type`: "image",
        "image_url" and "input_image" are images. Takes a body that nobody has checked."""
        ...

    def parse(self, body: bytes) -> Json:
        """A whole answer, checked but for its usage, which `usage_of` checks. Raises BrokenAnswer."""
        ...

    def usage_of(self, answer: Json) -> Usage | None:
        """What the provider says it used; None when it does not say, BrokenAnswer when it can't be true."""
        ...

    def assembly(self) -> Assembly: ...

    def emit(self, answer: Json, *, piece: int = 16) -> Iterator[bytes]:
        """The data of each event of a stream that tells of this checked answer, to the last; text in pieces of
        `piece` letters. BrokenAnswer when it is nested too deep to be told."""
        ...

    def event(self, data: bytes) -> bytes:
        """One event as it goes over the wire, its data untouched; named where the format names its events."""
        ...

    def problem(self, status: int, error: FairleadError) -> bytes:
        """The body of an answer that is an error, as clients of this format expect it."""
        ...

    def broken_off(self, error: FairleadError) -> bytes:
        """The data of the event that ends a stream which can't be completed, so that no client takes it for whole."""
        ...


Wires = Mapping[Format, Wire]
