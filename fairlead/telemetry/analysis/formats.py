"""Which format a log has, and other formats as lines of ours. Pure: bytes in, bytes out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, cast

import orjson

_MONTHS = {name: number for number, name in enumerate(
    (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1)}  # fmt: skip
_ENOUGH = 0.2  # of the lines are of a format: a log may be full of what else was written to it
_ID = re.compile(rb"(?<=/)(?:\d+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,})(?=/|$)")

# The Common and Combined Log Format of Apache and nginx (https://httpd.apache.org/docs/2.4/logs.html#accesslog), with
# nginx's $request_time behind it, where somebody has put it there. Quotes within fields come escaped.
_ACCESS = re.compile(
    rb"^(\S{1,200}) \S{1,200} (?:\S{1,200}) \[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] "
    rb'"([A-Z]{1,20}) ([^ "]{1,8000})[^"]{0,20}" (\d{3}) (\d{1,15}|-)'
    rb'(?: "(?:[^"\\]|\\.){0,8000}" "(?:[^"\\]|\\.){0,8000}")?(?: (\d{1,6}\.\d{1,6}))?'
)
# What uvicorn writes by itself; it has no time.
_UVICORN = re.compile(rb'^(?:INFO:\s{1,10})?(\S{1,100}) - "([A-Z]{1,20}) ([^ "]{1,8000}) HTTP/[\d.]{1,3}" (\d{3})')


class Format(StrEnum):
    """`JSON`: objects, one on a line: ours, or other ones."""

    JSON = "JSON lines"
    DOCKER = "JSON lines within Docker's"
    ACCESS = "access log"
    UVICORN = "uvicorn's access log"
    EMPTY = "empty"
    BINARY = "binary"
    UNKNOWN = "unknown"

    @property
    def readable(self) -> bool:
        return self not in (Format.EMPTY, Format.BINARY, Format.UNKNOWN)


def format_of(sample: bytes) -> Format:
    """What most of its lines are. `sample`: the beginning of a file; its last line may be cut."""
    if not sample.strip(b"\x00\r\n\t "):
        return Format.BINARY if b"\x00" in sample else Format.EMPTY
    lines = [line for line in sample.split(b"\n") if line.strip()]
    lines = lines[:-1] if len(lines) > 1 and not sample.endswith(b"\n") else lines
    shares = {
        format: sum(bool(is_one(line)) for line in lines) / len(lines)
        for format, is_one in ((Format.DOCKER, _is_docker), (Format.JSON, _is_object), (Format.ACCESS, _ACCESS.match),
                               (Format.UVICORN, _UVICORN.match))
    }  # fmt: skip
    best = max(shares, key=shares.__getitem__)  # the first of those: Docker's lines are objects too
    if shares[best] >= _ENOUGH:
        return best
    return Format.BINARY if sample.count(b"\x00") > len(sample) // 100 else Format.UNKNOWN


def translated(lines: Sequence[bytes], format: Format) -> tuple[list[bytes], int]:
    """As lines of ours, and how many could not be."""
    one = {Format.DOCKER: _docker, Format.ACCESS: _access, Format.UVICORN: _uvicorn}[format]
    made = [one(line) for line in lines if line.strip()]
    good = [line for line in made if line is not None]
    return good, len(made) - len(good)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _is_object(line: bytes) -> bool:
    return _object(line) is not None


def _is_docker(line: bytes) -> bool:
    found = _object(line)
    return found is not None and isinstance(found.get("log"), str) and "stream" in found and "time" in found


def _docker(line: bytes) -> bytes | None:
    """What a container wrote, out of what Docker's json-file driver wraps it in; a line of text with Docker's time."""
    found = _object(line)
    if found is None or not isinstance(found.get("log"), str):
        return None
    inner = found["log"].encode("utf-8", "replace").strip()
    if _object(inner) is not None:
        return inner
    for read in (_access, _uvicorn):
        if (said := read(inner)) is not None:
            return said if read is _access else said[:-1] + b',"timestamp":' + orjson.dumps(found.get("time")) + b"}"
    return orjson.dumps({"timestamp": found.get("time"), "message": found["log"][:1000]})


def _access(line: bytes) -> bytes | None:
    found = _ACCESS.match(line)
    if found is None or (month := _MONTHS.get(found[3])) is None:
        return None
    _, day, _, year, time, hours, minutes, method, path, status, size, took = found.groups()
    line_of_ours = _request(method, path, status) | {
        "timestamp": f"{year.decode()}-{month:02}-{day.decode()}T{time.decode()}{hours.decode()}:{minutes.decode()}"
    }
    if took:
        line_of_ours["latency_ms"] = float(took) * 1000
    if size.isdigit():
        line_of_ours["bytes_out"] = int(size)
    return orjson.dumps(line_of_ours)


def _uvicorn(line: bytes) -> bytes | None:
    found = _UVICORN.match(line)
    return None if found is None else orjson.dumps(_request(found[2], found[3], found[4]))


def _request(method: bytes, path: bytes, status: bytes) -> dict[str, Any]:
    """What tells one request from the next of its kind is left out: what was asked for, and ids."""
    route = _ID.sub(b"{id}", path.partition(b"?")[0])[:200].decode("utf-8", "replace")
    return {"event": "http_request", "method": method.decode(), "endpoint": route, "status_code": int(status)}
