"""A server's tools as values: what it says of them, what of that a run keeps, and the names that models see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from fairlead.agents.jsonable import encode

_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class Listed:
    """One tool of one server, as a run first saw it."""

    server: str
    name: str
    description: str
    schema: Mapping[str, Any]  # of its arguments
    safe_to_repeat: bool

    @property
    def digest(self) -> str:
        """Another one is another tool, whatever its name; what it says for people does not count."""
        return blake2b(encode([self.schema, self.safe_to_repeat]), digest_size=12).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "description": self.description, "schema": dict(self.schema),
            "safe_to_repeat": self.safe_to_repeat, "digest": self.digest,
        }  # fmt: skip

    @classmethod
    def from_json(cls, server: str, said: Mapping[str, Any]) -> Listed:
        return cls(server, said["name"], said["description"], said["schema"], said["safe_to_repeat"])


def shown_names(tools: Sequence[Listed], taken: Collection[str]) -> list[str]:
    """What models call them: the server's own name for each, with the server's before it where two would be the same.
    `taken`: names of the agent's own tools."""
    plain = [_fit(tool.name) for tool in tools]
    twice = {name for name in plain if plain.count(name) > 1} | set(taken)
    names = [_fit(f"{tool.server}_{name}") if name in twice else name for tool, name in zip(tools, plain, strict=True)]
    return list(_unique(names, tools, taken))


def _unique(names: Sequence[str], tools: Sequence[Listed], taken: Collection[str]) -> Iterable[str]:
    """Two names may have become one on the way: then the exact name decides, as a digest."""
    for name, tool in zip(names, tools, strict=True):
        if names.count(name) > 1 or name in taken:
            yield _cut(f"{tool.server}_{name}", f"{tool.server}\0{tool.name}")
        else:
            yield name


def _fit(name: str) -> str:
    """The name in the letters that model providers take."""
    fit = _UNFIT.sub("_", name) or "tool"
    return fit if len(fit) <= _LONGEST else _cut(fit, name)


def _cut(name: str, exact: str) -> str:
    mark = blake2b(exact.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST - len(mark) - 1]}_{mark}"
