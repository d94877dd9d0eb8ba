"""What can be found in a log: levels, bursts, repeated messages, suspicious lines. One pass each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from logfile import Shape, chunks, line_at, shape_of, show

_MOST_KEYS = 20_000  # of any table we keep while reading
_MOST_PACKAGES = 100_000
_SETTLED = (b"installed", b"not-installed", b"config-files")
_SAMPLE_ABOVE = 64 * 1024 * 1024  # a pass that looks at every line samples files larger than this

# A line is a candidate when it holds one of these; then it is read properly.
_CANDIDATES = (
    b"err", b"fail", b"fatal", b"crit", b"panic", b"exception", b"warn", b"denied", b"refused", b"wrn",
    b"out of memory", b"segfault",
)  # fmt: skip
_JSON_CANDIDATES = (b"err", b"fatal", b"crit", b"warn", b"panic", b"alert", b"emerg", b'":40,', b'":50,', b'":60,')
_ACCESS_CANDIDATES = (b'" 5', b'" 4')
_LEVEL = re.compile(
    rb"(?<![\w./-])(?:(EMERG|ALERT|FATAL|CRITICAL|PANIC|ERROR|WARN|WARNING|NOTICE|INFO|DEBUG|TRACE|LOG|STATEMENT|DETAIL)"
    rb"(?=[\s:\]|,)]|$)|[\[<(](emerg|alert|fatal|crit|critical|panic|error|err|ftl|ERR|FTL|WRN|INF|DBG|TRC|warn|warning"
    rb"|Warning|Error|System|Note|notice|info|debug|trace)[\]>)]|level=\"?(\w+))"
)
_JSON_LEVEL = re.compile(rb'"(?:level|severity|lvl|levelname|log_level|level_name)"\s*:\s*"?(\w+)', re.IGNORECASE)
_STATUS = re.compile(rb'" (\d)\d\d ')
_WORDS = (
    ("critical", re.compile(rb"(?<![\w./-])(?:kernel panic|panic|fatal|out of memory|segfault)(?![\w/-])")),
    (
        "error",
        re.compile(
            rb"(?<![\w./-])(?:errors?|err|fail(?:ed|ure|s)?|exception|critical|denied|refused)(?![\w/=-])"
            rb"|\w(?:error|exception):"
        ),
    ),
    ("warning", re.compile(rb"(?<![\w./-])warn(?:ing|ings)?(?![\w/-])")),
)
_NONE = re.compile(rb"\b(?:0|no|without|zero) (?:errors?|failures?|warnings?)\b|(?:errors?|failed|failures?)[=:] ?0\b")
_NAMES = {
    "critical": "emerg alert fatal critical crit panic ftl 60",
    "error": "error err 50",
    "warning": "warn warning wrn 40",
}
_BY_NAME = {word.encode(): level for level, words in _NAMES.items() for word in words.split()}

_SUSPICIOUS = {
    "failed sign-in": (b"failed password", b"authentication failure", b"invalid user"),
    "refused or denied": (b"permission denied", b"access denied", b"connection refused"),
    "out of resources": (b"out of memory", b"oom-kill", b"no space left", b"too many open files"),
    "crash": (b"segfault", b"core dumped", b"kernel panic", b"traceback (most recent"),
    "damaged data": (b"i/o error", b"corrupt", b"checksum mismatch"),
    "probing": (b"../..", b"/etc/passwd", b"union select", b"<script", b"/.env", b"wp-login"),
    "timed out": (b"timed out", b"deadlock"),
}
_VARIABLE = (
    (re.compile(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{22}"), b"<uuid>"),
    (re.compile(rb"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), b"<ip>"),
    (re.compile(rb'"[^"]{0,200}"|\'[^\']{0,200}\''), b"<text>"),
    (re.compile(rb"\b(?=[a-f]*\d)[0-9a-f]{8,}\b|0x[0-9a-fA-F]+"), b"<hex>"),
    (re.compile(rb"\d+(?:[.:,]\d+)*"), b"<n>"),
)
_REQUEST = re.compile(rb'"([A-Z]+) ([^ ?"]+)[^"]*" (\d{3}) ')
_JSON_MESSAGE = re.compile(rb'"(?:msg|message|event|error)"\s*:\s*"((?:[^"\\]|\\.){0,400})')


@dataclass(frozen=True)
class Problem:
    line: bytes
    number: int
    level: str


def problems(path: Path, shape: Shape) -> Iterator[Problem]:
    """Lines at warning or above, in order. An explicit level rules over words."""
    needles = {"JSON lines": _JSON_CANDIDATES, "access log": _ACCESS_CANDIDATES}.get(shape.name, _CANDIDATES)
    before = 0
    for chunk in chunks(path):
        low = chunk.lower()
        counted, number = 0, before + 1
        for start, end in sorted(_lines_with(low, needles)):
            if level := level_of(chunk[start:end], shape):
                number += chunk.count(b"\n", counted, start)
                counted = start
                yield Problem(chunk[start:end], number, level)
        before += chunk.count(b"\n")


def level_of(line: bytes, shape: Shape) -> str:
    """critical, error or warning; empty for everything else."""
    if shape.name == "access log":
        found = _STATUS.search(line[:8000])
        return {b"5": "error", b"4": "warning"}.get(found[1], "") if found else ""
    if shape.name == "dpkg log":
        return ""  # package names hold words such as `error`; its findings are the packages left half done
    if shape.name == "JSON lines" and (found := _JSON_LEVEL.search(line[:8000])):
        return _BY_NAME.get(found[1].lower(), "")
    if found := _LEVEL.search(line[:200]):
        return _BY_NAME.get((found[1] or found[2] or found[3]).lower(), "")
    low = line[:2000].lower()
    if _NONE.search(low):
        return ""
    return next((level for level, words in _WORDS if words.search(low)), "")


def overview(path: Path) -> dict[str, object]:
    shape = shape_of(path)
    size, lines, binary, last = 0, 0, 0, b""
    first = ""
    for chunk in chunks(path):
        size += len(chunk)
        lines += chunk.count(b"\n")
        binary += chunk.count(b"\0")
        if not chunk.endswith(b"\n"):
            lines += 1
        first = first or next((t for line in chunk.split(b"\n", 200)[:200] if (t := shape.time_of(line))), "")
        last = chunk
    tail = last.split(b"\n")[-200:]
    ends = next((t for line in reversed(tail) if (t := shape.time_of(line))), "")
    return {
        "path": str(path),
        "bytes_on_disk": path.stat().st_size,
        "bytes": size,
        "lines": lines,
        "format": shape.name,
        "first_timestamp": first,
        "last_timestamp": ends,
        "zero_bytes": binary,
        "first_lines": [show(line) for line in next(chunks(path), b"").split(b"\n")[:3]] if size else [],
        "last_lines": [show(line) for line in tail if line.strip()][-2:],
    }


def count_levels(path: Path) -> dict[str, object]:
    shape = shape_of(path)
    counts: Counter[str] = Counter()
    first: dict[str, Problem] = {}
    last: dict[str, Problem] = {}
    for one in problems(path, shape):
        counts[one.level] += 1
        first.setdefault(one.level, one)
        last[one.level] = one
    kinds = _actions(path) if shape.name == "dpkg log" else {}
    return {
        "levels": {level: counts[level] for level in ("critical", "error", "warning")},
        "first_and_last": {level: [_seen(first[level], shape), _seen(last[level], shape)] for level in first},
        "basis": _BASIS.get(shape.name, "an explicit level where a line has one, words such as `failed` otherwise"),
    } | ({"actions": kinds} if kinds else {})


_BASIS = {
    "access log": "HTTP status: 5xx is an error, 4xx a warning",
    "JSON lines": "the level field",
    "dpkg log": "dpkg writes no levels",
}


def bursts(path: Path, *, of: str, per: str, limit: int) -> dict[str, object]:
    """The busiest minutes or hours. `of` is "errors" (warnings left out) or "all"."""
    shape = shape_of(path)
    if shape.time is None:
        return {"per": per, "of": of, "buckets": [], "note": "The lines have no timestamps that I know."}
    counts = _all_by_minute(path, shape) if of == "all" else _errors_by_minute(path, shape)
    if per == "hour":
        counts = _by_hour(counts, shape)
    total = sum(counts.values())
    usual = sorted(counts.values())[len(counts) // 2] if counts else 0
    top = [{"at": at, "count": count} for at, count in counts.most_common(limit)]
    return {"per": per, "of": of, "total": total, "buckets_with_any": len(counts), "median": usual, "buckets": top}


def top_messages(path: Path, *, of: str, limit: int) -> dict[str, object]:
    """The most repeated messages, with numbers, addresses and quoted text taken out."""
    shape = shape_of(path)
    step = 1
    if of == "problems":
        lines: Iterator[bytes] = (one.line for one in problems(path, shape))
    else:
        step = max(1, path.stat().st_size // _SAMPLE_ABOVE)
        lines = (line for i, chunk in enumerate(chunks(path)) if i % step == 0 for line in chunk.split(b"\n") if line)
    counts: Counter[bytes] = Counter()
    example: dict[bytes, str] = {}
    dropped = False
    for line in lines:
        key = template(line, shape)
        counts[key] += 1
        if key not in example:
            example[key] = show(line)
        if len(counts) > _MOST_KEYS:
            dropped = True
            counts = Counter(dict(counts.most_common(_MOST_KEYS // 2)))
            example = {key: example[key] for key in counts}
    top = [{"count": n * step, "message": show(k, 160), "example": example[k]} for k, n in counts.most_common(limit)]
    exact = step == 1 and not dropped
    return {"of": of, "distinct": len(counts), "exact": exact, "sampled_one_in": step, "messages": top}


def template(line: bytes, shape: Shape) -> bytes:
    """The line without what varies from one to the next."""
    if shape.name == "JSON lines" and (found := _JSON_MESSAGE.search(line)):
        text = found[1]
    elif shape.name == "access log" and (found := _REQUEST.search(line[:8000])):
        return b"%s %s \xe2\x86\x92 %s" % (found[1], _VARIABLE[-1][0].sub(b"<n>", found[2][:200]), found[3])
    else:
        text = line[:400]
        if shape.time and (found := shape.time.search(text)) and found.start() < 60:
            text = text[: found.start()] + b"<time>" + text[found.end() :]
    for pattern, name in _VARIABLE:
        text = pattern.sub(name, text)
    return b" ".join(text.split())[:300]


def suspicious(path: Path, *, limit: int) -> dict[str, object]:
    """Lines that someone should look at, by kind, with a few examples of each."""
    shape = shape_of(path)
    counts: Counter[str] = Counter()
    examples: dict[str, list[dict[str, object]]] = {}
    before = 0
    for chunk in chunks(path):
        low = chunk.lower()
        for kind, needles in _SUSPICIOUS.items():
            spans = _lines_with(low, needles)
            counts[kind] += len(spans)
            shown = examples.setdefault(kind, [])
            for start, end in sorted(spans)[: limit - len(shown)]:
                number = before + 1 + chunk.count(b"\n", 0, start)
                shown.append({"line": number, "text": show(chunk[start:end])})
        before += chunk.count(b"\n")
    if shape.name == "dpkg log":
        left = _left_half_done(path)
        counts["packages left half done"] = len(left)
        examples["packages left half done"] = left[:limit]
    return {"kinds": {kind: {"count": n, "examples": examples[kind]} for kind, n in counts.most_common() if n}}


def matches(path: Path, pattern: str) -> Iterator[tuple[int, bytes, bytes, int, int]]:
    """Line number, line, its chunk and where it stands there, for lines that hold one of `a|b|c`."""
    needles = tuple(one.lower().encode() for one in pattern.split("|") if one)
    before = 0
    for chunk in chunks(path):
        counted, number = 0, before + 1
        for start, end in sorted(_lines_with(chunk.lower(), needles)):
            number += chunk.count(b"\n", counted, start)
            counted = start
            yield number, chunk[start:end], chunk, start, end
        before += chunk.count(b"\n")


def _lines_with(low: bytes, needles: tuple[bytes, ...]) -> set[tuple[int, int]]:
    spans: set[tuple[int, int]] = set()
    for needle in needles:
        position = low.find(needle)
        while position >= 0:
            span = line_at(low, position)
            spans.add(span)
            position = low.find(needle, span[1])
    return spans


def _seen(one: Problem, shape: Shape) -> dict[str, object]:
    return {"line": one.number, "at": shape.time_of(one.line), "text": show(one.line)}


def _errors_by_minute(path: Path, shape: Shape) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in problems(path, shape):
        if one.level != "warning":
            counts[shape.minute_of(one.line) or "no timestamp"] += 1
            counts = _bounded(counts, shape)
    counts.pop("no timestamp", None)
    return counts


def _all_by_minute(path: Path, shape: Shape) -> Counter[str]:
    assert shape.time is not None
    counts: Counter[str] = Counter()
    for chunk in chunks(path):
        raw = _stamps(chunk, shape)
        for stamp, count in raw.items():
            if shape.time.match(stamp + b":00") or shape.time.match(b"[" + stamp + b":00"):
                counts[stamp.decode().replace("T", " ")] += count
        counts = _bounded(counts, shape)
    return counts


def _stamps(chunk: bytes, shape: Shape) -> Counter[bytes]:
    assert shape.time is not None
    if shape.offset is not None:  # the same place in every line: no pattern needed
        cut = itemgetter(slice(shape.offset, shape.offset + shape.minute))
        return Counter(map(cut, chunk.split(b"\n")))
    return Counter(stamp[: shape.minute] for stamp in shape.time.findall(chunk))


def _bounded(counts: Counter[str], shape: Shape) -> Counter[str]:
    return counts if len(counts) <= _MOST_KEYS else _by_hour(counts, shape)


def _by_hour(counts: Counter[str], shape: Shape) -> Counter[str]:
    hours: Counter[str] = Counter()
    for at, count in counts.items():
        hours[at[: shape.hour]] += count
    return hours


def _actions(path: Path) -> dict[str, int]:
    counts: Counter[bytes] = Counter()
    for chunk in chunks(path):
        counts.update(line[20:].split(b" ", 1)[0] for line in chunk.split(b"\n") if len(line) > 20)
    return {action.decode("utf-8", "replace"): count for action, count in counts.most_common(12)}


def _left_half_done(path: Path) -> list[dict[str, object]]:
    """Packages whose last state is neither installed nor gone."""
    last: dict[bytes, tuple[int, bytes]] = {}
    number = 0
    for chunk in chunks(path):
        for line in chunk.splitlines():
            number += 1
            parts = line.split(b" ", 5)
            if len(parts) >= 5 and parts[2] == b"status" and len(last) < _MOST_PACKAGES:
                last[parts[4]] = (number, line)
    unsettled = [one for one in last.values() if one[1].split(b" ")[3] not in _SETTLED]
    return [{"line": number, "text": show(line)} for number, line in unsettled]


__all__ = ["bursts", "count_levels", "matches", "overview", "problems", "shape_of", "suspicious", "top_messages"]
