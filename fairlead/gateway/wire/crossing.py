"""From one wire format to another."""

from __future__ import annotations

from typing import Any

from fairlead.gateway.types import Format


def can(source: Format, target: Format) -> bool:
    return False


def request(body: dict[str, Any], source: Format, target: Format, *, lossy: bool) -> Any:
    raise NotImplementedError


def answer(answer: dict[str, Any], source: Format, target: Format) -> dict[str, Any]:
    raise NotImplementedError


def stream(source: Format, target: Format) -> Any:
    raise NotImplementedError
