"""How the simulated model triages: from the messages so far to the next reply.

It reads what the tools answered and decides by it, as a model would, but the same way every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from fairlead.gateway import Reply, ToolCall

Message = dict[str, Any]
Call = tuple[str, dict[str, Any]]


def triage(messages: Sequence[Message], tools: Sequence[Any] = ()) -> Reply:
    """Look wide, then close, then at what surrounds it, then report."""
    seen = _Seen(messages)
    if problem := seen.broken():
        return Reply(f"# Log triage\n\n## Summary\nThe log could not be read: {problem}\n")
    plan = (
        [("overview", {})],
        [("count_levels", {}), ("suspicious_lines", {})],
        [("bursts", {"of": "errors"}), ("bursts", {"of": "all", "per": "hour"})],
        [("top_messages", {"of": "problems" if seen.problems() else "all"})],
        _look_close(seen),
        _look_around(seen),
    )
    for calls in plan:
        if new := [call for call in calls if not seen.has(*call)]:
            return Reply(tool_calls=[ToolCall(name, arguments) for name, arguments in new])
    return Reply(report(seen))


class _Seen:
    """The tools' answers, by what was asked."""

    def __init__(self, messages: Sequence[Message]) -> None:
        asked: dict[str, tuple[str, str]] = {}
        self.answers: dict[tuple[str, str], Any] = {}
        for message in messages:
            for call in message.get("tool_calls") or ():
                function = call["function"]
                asked[call["id"]] = (function["name"], _key(json.loads(function["arguments"] or "{}")))
            if message.get("role") == "tool" and message.get("tool_call_id") in asked:
                self.answers[asked[message["tool_call_id"]]] = _parse(message["content"])

    def has(self, name: str, arguments: dict[str, Any]) -> bool:
        return (name, _key(arguments)) in self.answers

    def get(self, name: str, **arguments: Any) -> dict[str, Any]:
        answer = self.answers.get((name, _key(arguments)), {})
        return {} if "error" in answer else answer

    def all(self, name: str) -> list[dict[str, Any]]:
        return [answer for (asked, _), answer in self.answers.items() if asked == name and "error" not in answer]

    def broken(self) -> str:
        answer = self.answers.get(("overview", "{}"), {})
        return str(answer.get("message", answer["error"])) if "error" in answer else ""

    def levels(self) -> dict[str, int]:
        return self.get("count_levels").get("levels", {})

    def problems(self) -> int:
        return sum(self.levels().values())


def _look_close(seen: _Seen) -> list[Call]:
    """When the commonest message came and went, and the lines round the first error."""
    patterns = [words for message in _messages(seen)[:2] if (words := _words(message))]
    calls: list[Call] = [("first_last_seen", {"pattern": words}) for words in dict.fromkeys(patterns)]
    if first := _first_problem(seen):
        calls.append(("read_lines", {"first": max(1, first["line"] - 3), "last": first["line"] + 3}))
    elif last := seen.get("overview").get("lines"):
        calls.append(("read_lines", {"first": max(1, last - 9), "last": last}))
    return calls


def _look_around(seen: _Seen) -> list[Call]:
    """What was going on in the worst minute."""
    buckets = seen.get("bursts", of="errors").get("buckets") or []
    if not buckets or not buckets[0]["at"]:
        return []
    at = buckets[0]["at"]
    both = f"{at}|{at.replace(' ', 'T', 1)}" if at[:4].isdigit() else at
    return [("search", {"pattern": both, "limit": 8})]


def report(seen: _Seen) -> str:
    about = seen.get("overview")
    parts = (
        ("Summary", _summary(seen, about)),
        ("Errors", _errors(seen)),
        ("Bursts", _bursts(seen)),
        ("First and last seen", _times(seen)),
        ("Suspicious lines", _suspicious(seen)),
        ("Not covered", _not_covered(seen, about)),
    )
    body = "\n\n".join(f"## {title}\n" + "\n".join(lines) for title, lines in parts)
    return f"# Log triage: {about.get('path', '')}\n\n{body}\n"


def _summary(seen: _Seen, about: dict[str, Any]) -> list[str]:
    levels = seen.levels()
    if not about.get("lines"):
        return ["The file is empty."]
    span = f" from {about['first_timestamp']} to {about['last_timestamp']}" if about.get("first_timestamp") else ""
    lines = [f"{about['lines']:,} lines ({_size(about['bytes'])}), read as {about['format']}{span}.", ""]
    counts = ", ".join(f"**{count:,} {level}**" for level, count in levels.items())
    lines.append(f"Found {counts} ({seen.get('count_levels').get('basis', '')}).")
    if actions := seen.get("count_levels").get("actions"):
        lines.append("Actions: " + ", ".join(f"{count:,} {action}" for action, count in actions.items()) + ".")
    if top := _messages(seen)[:1]:
        what = "The commonest problem" if seen.problems() else "Nothing is marked as a problem. The commonest line"
        lines.append(f"{what}, {top[0]['count']:,} times: `{_tick(top[0]['message'])}`")
    return lines


def _errors(seen: _Seen) -> list[str]:
    if not seen.problems():
        return ["None found."]
    rows = [f"| {m['count']:,} | `{_tick(m['message'])}` |" for m in _messages(seen)]
    around = [answer for answer in seen.all("read_lines") if answer.get("lines")]
    lines = ["| Count | Message |", "|---:|---|", *rows]
    if around:
        lines += ["", f"Round the first of them (lines {around[0]['first']} to {around[0]['last']}):", ""]
        lines += ["```", *around[0]["lines"], "```"]
    return lines


def _bursts(seen: _Seen) -> list[str]:
    lines: list[str] = []
    for of, per, word in (("errors", "minute", "errors"), ("all", "hour", "lines")):
        found = seen.get("bursts", of=of) if of == "errors" else seen.get("bursts", of=of, per=per)
        buckets = found.get("buckets") or []
        if found.get("note"):
            lines.append(f"- {found['note']}")
        elif buckets:
            busiest = ", ".join(f"{one['at']} ({one['count']:,})" for one in buckets)
            lines.append(
                f"- Busiest {per}s by {word}: {busiest}. Median of {found['buckets_with_any']}: {found['median']}."
            )
        else:
            lines.append(f"- No {word} to time.")
    for answer in seen.all("search"):
        lines += ["", f"In the worst minute ({answer['count']:,} lines):", "", "```"]
        lines += [f"{one['line']}: {one['text']}" for one in answer["lines"]] + ["```"]
    return list(dict.fromkeys(lines)) if len(lines) == 2 else lines


def _times(seen: _Seen) -> list[str]:
    lines: list[str] = []
    for level, (first, last) in seen.get("count_levels").get("first_and_last", {}).items():
        lines.append(f"- {level}: first {_when(first)}, last {_when(last)}")
    for answer in seen.all("first_last_seen"):
        if answer["count"]:
            ends = f"first {_when(answer['first'])}, last {_when(answer['last'])}"
            lines.append(f"- `{_tick(answer['pattern'])}` ({answer['count']:,} times): {ends}")
    if not seen.problems() and (tail := seen.all("read_lines")) and tail[0].get("lines"):
        lines += ["", "The log ends with:", "", "```", *tail[0]["lines"], "```"]
    return lines or ["Nothing to follow."]


def _suspicious(seen: _Seen) -> list[str]:
    lines: list[str] = []
    for kind, found in seen.get("suspicious_lines").get("kinds", {}).items():
        lines.append(f"- {kind}: {found['count']:,}")
        lines += [f"  - line {one['line']}: `{_tick(one['text'])}`" for one in found["examples"]]
    return lines or ["None of the kinds I know."]


def _not_covered(seen: _Seen, about: dict[str, Any]) -> list[str]:
    lines = ["- Only this file; not its rotated or neighbouring logs.", "- What the log does not write down."]
    if not about.get("first_timestamp"):
        lines.append("- Time: the lines carry no timestamps that I know.")
    if about.get("zero_bytes"):
        lines.append(f"- {about['zero_bytes']:,} zero bytes: part of the file is no text.")
    if any(not answer["exact"] for answer in seen.all("top_messages")):
        lines.append("- Counts of repeated messages are estimates: there were too many to count each.")
    failed = sorted({name for (name, _), answer in seen.answers.items() if "error" in answer})
    return lines + [f"- `{name}` failed and gave nothing." for name in failed]


def _messages(seen: _Seen) -> list[dict[str, Any]]:
    return next((answer.get("messages", []) for answer in seen.all("top_messages")), [])


def _first_problem(seen: _Seen) -> dict[str, Any] | None:
    ends = seen.get("count_levels").get("first_and_last", {})
    return min((pair[0] for pair in ends.values()), key=lambda one: one["line"], default=None)


def _words(message: dict[str, Any]) -> str:
    """The longest piece of the message that does not vary: what to search for."""
    pieces: Iterable[str] = [message["message"]]
    for mark in ("<time>", "→", "<n>", "<hex>", "<ip>", "<uuid>", "<text>", "…"):
        pieces = [part for piece in pieces for part in piece.split(mark)]
    best = max((piece.strip(" -:;,.()[]{}|\"'") for piece in pieces), key=len, default="")
    return best.split("|")[0][:80] if len(best) >= 4 else ""


def _when(one: dict[str, Any]) -> str:
    return f"{one['at']} (line {one['line']})" if one.get("at") else f"line {one['line']}"


def _size(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def _tick(text: str) -> str:
    return text.replace("`", "'").replace("|", "¦")


def _key(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True)


def _parse(content: Any) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (TypeError, ValueError):
        return {"error": "unreadable", "message": str(content)[:200]}
    return value if isinstance(value, dict) else {"error": "unexpected", "message": str(value)[:200]}
