"""Reads `price_table.txt`, which `make prices` takes from genai-prices at release time: what is public of prices.

The file says at its top how it is written. Only the section of the provider that is asked for is read, in about a
millisecond, and of its lines only the one that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from fairlead.gateway.price import Price, usd

FILE = Path(__file__).with_name("price_table.txt")
_COMPACT_DATE = re.compile(r"-(\d{4})(\d{2})(\d{2})$")
_HEAD = re.compile(r"^\[(.+)\]$", re.MULTILINE)
# What people call them : what the table calls them.
_OTHER_NAMES = {
    "bedrock": "aws", "azure-openai": "azure", "gemini": "google", "vertex": "google", "grok": "x-ai", "xai": "x-ai",
    "copilot": "github-copilot", "kimi": "moonshotai", "moonshot": "moonshotai", "together-ai": "together",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the table. `price` is None where it is not sold by the token."""

    provider: str
    model: str
    price: Price | None


class PriceTable:
    """The text of a table; read from the file when it is first asked, and a provider's section when it is."""

    def __init__(self, text: str | None = None) -> None:
        self._given = text
        self._sections: dict[str, _Section] = {}

    def find(self, provider: str, model: str, *, on: date) -> Listed | None:
        """The entry for a model as a provider calls it, dated names included, at its price of that day."""
        name, wanted = model.lower(), _OTHER_NAMES.get(provider, provider)
        for candidate in dict.fromkeys((name, _COMPACT_DATE.sub(r"-\1-\2-\3", name))):
            for section in self._sections_of(wanted):
                if line := section.find(candidate):
                    return _listed(section.provider, line, on)
        return None

    def all(self, *, on: date) -> Iterator[Listed]:
        text = self._text()
        for head in _HEAD.finditer(text):
            for line in _lines(text, head.end()):
                yield _listed(head[1].split()[0], line, on)

    def of(self, provider: str, *, on: date) -> Iterator[Listed]:
        """The models of its own."""
        section = self._section(_OTHER_NAMES.get(provider, provider))
        for line in () if section is None else section.lines:
            yield _listed(provider, line, on)

    def source(self) -> str:
        """Where the prices are from: "genai-prices 0.2.3"."""
        return " ".join(self._text().split(maxsplit=5)[3:5])

    def _sections_of(self, provider: str) -> Iterator[_Section]:
        """Its own, and those of the providers whose models it offers, too."""
        own = self._section(provider)
        if own is not None:
            yield own
            yield from (section for other in own.others if (section := self._section(other)) is not None)

    def _section(self, provider: str) -> _Section | None:
        if provider not in self._sections:
            head = re.search(rf"^\[{re.escape(provider)}((?: [^\]]+)?)\]$", self._text(), re.MULTILINE)
            if head is None:  # not kept: names that callers invent would pile up
                return None
            self._sections[provider] = _Section(provider, head[1].split(), _lines(self._text(), head.end()))
        return self._sections[provider]

    def _text(self) -> str:
        if self._given is None:
            self._given = FILE.read_text()
        return self._given


class _Section:
    """One provider's models. Of those that fit a name the first counts."""

    def __init__(self, provider: str, others: list[str], lines: list[str]) -> None:
        self.provider = provider
        self.others = others
        self.lines = lines
        self._exact: dict[str, int] = {}
        self._patterns: list[tuple[int, list[str]]] = []
        for index, line in enumerate(lines):
            for name in line.rpartition("\t")[2].split(" "):
                if name[0] == "=":
                    self._exact.setdefault(name[1:].lower(), index)
                else:
                    self._patterns.append((index, name.split("&&")))

    def find(self, model: str) -> str | None:
        fits = next((at for at, names in self._patterns if all(_fits(name, model) for name in names)), len(self.lines))
        first = min(fits, self._exact.get(model, fits))
        return self.lines[first] if first < len(self.lines) else None


def _lines(text: str, start: int) -> list[str]:
    """The lines of a section whose head ends at `start`."""
    end = text.find("\n[", start)
    return [line for line in text[start : end if end >= 0 else None].split("\n") if line]


def _fits(name: str, model: str) -> bool:
    mark, rest = name[:1], name[1:]
    match mark:
        case "^":
            return model.startswith(rest.lower())
        case "$":
            return model.endswith(rest.lower())
        case "~":
            return rest.lower() in model
        case "/":
            return re.search(rest, model) is not None
        case _:
            return False


def _listed(provider: str, line: str, on: date) -> Listed:
    model, prices, _ = line.split("\t")
    told, today = "?", on.isoformat()
    for part in f" {prices}".split(" @"):
        since, _, rest = part.partition(" ")
        if not since or since <= today:
            told = rest
    return Listed(provider, model, None if told == "?" else _tiered(told))


def _tiered(told: str) -> Price:
    """Tiers come from the lowest to the highest; each holds the next."""
    base, *tiers = told.split(" >")
    price: Price | None = None
    above: str | None = None
    for tier in reversed(tiers):
        start, _, amounts = tier.partition(" ")
        price, above = _with(amounts, price, above), start
    return _with(base, price, above)


def _with(amounts: str, long: Price | None, long_from: str | None) -> Price:
    values = [None if value == "-" else value for value in amounts.split()]
    # Without a price for answers it has none to give; should it give one, it is not for nothing.
    price = usd(values[0] or "0", values[1] or values[0] or "0", *values[2:])
    return replace(price, long=long, long_from=None if long_from is None else int(long_from))
