"""What was said in a run, in order: by the person who asked, by the agent, by tools on its behalf, by approvers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from fairlead.agents.files import file_id_of
from fairlead.runs.run import Approval, Run
from fairlead.web.console import reading
from fairlead.web.console.headline import asked, content_text
from fairlead.web.console.steps import Step, StepState, Story

LONGEST = 16_000  # characters of one message that are shown
MOST = 200
_SPEAKS = frozenset({"model", "tool", "child", "approval"})
_LOOK_BACK = 20  # calls before those that are gone through


@dataclass(frozen=True, slots=True)
class ToolUse:
    name: str
    arguments: str  # one line
    step: Step | None  # not found: asked for, not (yet) done


@dataclass(frozen=True, slots=True)
class Said:
    who: str  # user agent system person
    name: str
    text: str
    at: datetime | None
    tools: tuple[ToolUse, ...] = ()
    streaming: bool = False
    comment: str = ""
    cut: int = 0  # characters that are not shown
    approved: bool | None = None
    files: tuple[str, ...] = ()  # ids of those that came with it


def conversation(run: Run, story: Story, approvals: Sequence[Approval] = ()) -> list[Said]:
    """The messages of the branch that speaks, or question and answer when no model was asked."""
    calls = _spoken(story)
    said = _from_calls(run, calls, story) if calls else _from_ends(run)
    said += [_streaming(run, step) for step in story.steps if step.state is StepState.OPEN and step.text][:1]
    return _with_people(said, approvals)


def material(story: Story) -> list[Step]:
    """The steps that a conversation is made of."""
    return [step for step in story.steps if step.kind in _SPEAKS]


def turn(run: Run, story: Story, approvals: Sequence[Approval] = ()) -> list[Said]:
    """What one run added to its thread: what its caller said, the replies, and its answer where no model spoke it.

    Requests repeat what the thread had before; they are left out.
    """
    calls, uses = _spoken(story), _Uses(story)
    said = _asked(run, uses)
    for step in calls:
        said += _message(run, reading.mapping(step.data, "reply"), step.end, uses)
    said += [_streaming(run, step) for step in story.steps if step.state is StepState.OPEN and step.text][:1]
    answer = answered(run.output)
    if answer and not any(one.who == "agent" and one.text.strip() == answer.strip() for one in said[-1:]):
        said.append(_cut(Said("agent", run.agent, answer, run.finished_at)))
    return _with_people(said, approvals)


def kept(messages: Sequence[Any]) -> list[Said]:
    """Messages that a thread keeps, from wherever they came."""
    said: list[Said] = []
    for message in messages:
        role = reading.text(message, "role")
        who = {"user": "user", "assistant": "agent"}.get(role, "system")
        body = content_text(reading.at(message, "content"))
        if role != "tool" and body:
            said.append(_cut(Said(who, "", body, None)))
    return said


def _asked(run: Run, uses: _Uses) -> list[Said]:
    given = reading.items(run.input, "messages")
    if given:
        return [one for message in given for one in _message(run, _with_role(message), run.created_at, uses)]
    said = Said("user", run.user or reading.text(run.metadata, "user"), asked(run.input), run.created_at)
    return [_cut(said)] if said.text else []


def _with_role(message: Any) -> Any:
    """LangChain's clients write `type` for `role`."""
    role = reading.text(message, "role") or reading.text(message, "type")
    return {**reading.mapping(message), "role": {"human": "user", "ai": "assistant"}.get(role, role)}


def _spoken(story: Story) -> list[Step]:
    """The model calls of the main branch; of the busiest branch when the main one makes none."""
    calls = [step for step in story.steps if step.speaks]
    busiest = Counter(step.branch for step in calls).most_common(1)
    main = [step for step in calls if not step.branch]
    return main or [step for step in calls if busiest and step.branch == busiest[0][0]]


def _from_calls(run: Run, calls: Sequence[Step], story: Story) -> list[Said]:
    """The last that was said. Nearly every call says something new, so a long run need not be gone through whole."""
    window = MOST
    while True:
        first = max(0, len(calls) - window)
        said = _from_call(run, calls, first, _Uses(story, calls[first].start if first else None))
        if first == 0 or len(said) >= MOST:
            return said[-MOST:]
        window *= 4


def _from_call(run: Run, calls: Sequence[Step], first: int, uses: _Uses) -> list[Said]:
    said: list[Said] = []
    shown = _Shown()
    for step in calls[max(0, first - _LOOK_BACK) : first]:  # requests repeat what was said: a few know of nearly all
        data = step.data
        _ = shown.fresh(data)
        shown.add(reading.mapping(data, "reply"))
    for step in calls[first:]:
        data = step.data
        for message in shown.fresh(data):
            said += _message(run, message, step.start if said or first else run.created_at, uses)
        reply = reading.mapping(data, "reply")
        shown.add(reply)
        said += _message(run, reply, step.end, uses)
    return said


class _Shown:
    """Which messages have been shown, and how often each."""

    def __init__(self) -> None:
        self._times: Counter[bytes] = Counter()
        self._digests: dict[int, bytes] = {}  # by identity: what many calls repeat is looked at once

    def fresh(self, data: Any) -> list[Any]:
        """The messages of a call's request that have not been shown before; from now on they have."""
        present: Counter[bytes] = Counter()
        found: list[Any] = []
        for message in reading.items(data, "request", "messages"):
            key = self._digests.get(id(message))
            if key is None:
                key = self._digests[id(message)] = _digest(message)
            present[key] += 1
            if present[key] > self._times[key]:
                self._times[key] += 1
                found.append(message)
        return found

    def add(self, message: Any) -> None:
        self._times[_digest(message)] += 1


def _digest(message: Any) -> bytes:
    """Who said what: providers add fields to a reply that do not come back in the next request."""
    role, content = reading.text(message, "role") or "assistant", reading.at(message, "content")
    return orjson.dumps([role, content or "", reading.items(message, "tool_calls")], default=str)


def _message(run: Run, message: Any, at: datetime | None, uses: _Uses) -> list[Said]:
    role = reading.text(message, "role") or ("assistant" if message else "")
    if role in ("tool", "function", ""):
        return []  # shown on the call that asked for it
    who = {"user": "user", "assistant": "agent"}.get(role, "system")
    other = "" if role == "system" else role  # what has a word of its own in the reader's language needs no name
    name = {"user": reading.text(run.metadata, "user"), "agent": run.agent}.get(who, other)
    body = content_text(reading.at(message, "content"))
    tools = tuple(uses.use(call) for call in reading.items(message, "tool_calls")[:50])
    files = tuple(found for part in reading.items(message, "content") if (found := file_id_of(part)))
    return [_cut(Said(who, name, body, at, tools, files=files))] if body or tools or files else []


def _cut(said: Said) -> Said:
    over = len(said.text) - LONGEST
    return said if over <= 0 else replace(said, text=said.text[:LONGEST], cut=over)


class _Uses:
    """Finds the step a tool call became: by its id, else the next one of that name."""

    def __init__(self, story: Story, since: datetime | None = None) -> None:
        self.left = [
            (step, step.data) for step in story.steps
            if step.kind in ("tool", "child", "approval") and (since is None or step.begin >= since)
        ]  # fmt: skip

    def use(self, call: Any) -> ToolUse:
        name = reading.text(call, "function", "name") or "?"
        raw = reading.text(call, "function", "arguments")
        call_id = reading.text(call, "id")
        found = self._found(call_id, name, _parsed(raw))
        if found is None:
            return ToolUse(name, arguments_line(raw), None)
        return ToolUse(name, arguments_line(raw), self.left.pop(found)[0])

    def _found(self, call_id: str, name: str, given: Any) -> int | None:
        """Its place among those that are left."""
        if call_id:
            for place, (step, data) in enumerate(self.left):
                if reading.text(data, "call_id") == call_id or call_id in step.key:
                    return place
        named = [place for place, (step, _) in enumerate(self.left) if step.name == name]
        same = (place for place in named if reading.at(self.left[place][1], "arguments") == given)
        return next(same, named[0] if named else None)


def arguments_line(raw: str) -> str:
    """`{"id": 48213}` as `id=48213`; what is no JSON stays as it is."""
    parsed = _parsed(raw)
    if not isinstance(parsed, dict):
        return raw[:200]
    shown = (f"{name}={orjson.dumps(value).decode()[:120]}" for name, value in reading.mapping(parsed).items())
    return ", ".join(shown)[:200]


def _parsed(raw: str) -> Any:
    try:
        return orjson.loads(raw or "{}")
    except orjson.JSONDecodeError:
        return None


def _from_ends(run: Run) -> list[Said]:
    said = [_cut(Said("user", reading.text(run.metadata, "user"), asked(run.input), run.created_at))]
    answer = answered(run.output)
    if answer:
        said.append(_cut(Said("agent", run.agent, answer, run.finished_at)))
    return [one for one in said if one.text]


def answered(output: Any) -> str:
    """The words of an output; empty when it is not words."""
    if isinstance(output, str):
        return output
    for message in reversed(reading.items(output, "messages")):
        return content_text(reading.at(message, "content"))
    return reading.text(output, "content") or reading.text(output, "text") or reading.text(output, "answer")


def _streaming(run: Run, step: Step) -> Said:
    return Said("agent", run.agent, step.text[-LONGEST:], None, streaming=True)


def _with_people(said: list[Said], approvals: Sequence[Approval]) -> list[Said]:
    people = [
        Said(
            "person",
            one.decided_by or "",
            one.question,
            one.decided_at,
            comment=one.comment or "",
            approved=one.approved,
        )
        for one in approvals
        if one.approved is not None
    ]
    for person in people:
        place = next((i for i, one in enumerate(said) if one.at and person.at and one.at > person.at), len(said))
        said.insert(place, person)
    return said


def took(use: ToolUse) -> timedelta | None:
    return use.step.end - use.step.start if use.step and use.step.end else None
