"""The questions a battery asks of what is left. Each is a pure function from evidence to violations, in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.crash import undisturbed
from tests.crash.evidence import Entry, Evidence, Outcome

_UNSAFE = ("charge", "ship", "book")


@dataclass(frozen=True, slots=True)
class Violation:
    check: str
    said: str


def judge(evidence: Evidence) -> list[Violation]:
    return [Violation(name, said) for name, check in CHECKS.items() for said in check(evidence)]


def accepted_runs_lost(evidence: Evidence) -> Iterator[str]:
    for run_id in evidence.accepted:
        if run_id not in evidence.runs:
            yield f"run {run_id} was acknowledged and is not in the table"


def runs_not_ended_well(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        if run.status != "success":
            yield f"run {run.id} of {run.agent} is {run.status}/{run.reason}: {run.error}"


def steps_recorded_twice(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        for key, count in Counter(event.key for event in run.events if event.type == "step").items():
            if count > 1:
                yield f"run {run.id} recorded step {key} {count} times"
        recorded = len(_settled(run))
        expected = undisturbed.steps(run.agent, run.input)
        if run.status == "success" and recorded != expected:
            yield f"run {run.id} of {run.agent} recorded {recorded} steps; undisturbed it is {expected}"


def unsafe_tools_repeated(evidence: Evidence) -> Iterator[str]:
    for key, lines in evidence.lines.items():
        if not lines[0].safe and len(lines) > 1:
            when = ", ".join(f"pid {line.pid} at {line.at:.3f}" for line in lines)
            story = _story(evidence.runs.get(lines[0].run_id), key.rpartition(":")[2])
            yield f"{lines[0].tool} of run {lines[0].run_id} was done {len(lines)} times ({when}): {story}"
    for (run_id, tool, item), keys in _effects(evidence).items():
        run = evidence.runs.get(run_id)
        most = 3 if run is not None and run.agent == "branches" else 1
        if len(keys) > most:
            yield f"{tool} of {item!r} in run {run_id} was done {len(keys)} times under different keys"


def effects_without_intent(evidence: Evidence) -> Iterator[str]:
    for key, lines in evidence.lines.items():
        run = evidence.runs.get(lines[0].run_id)
        begun = {event.key for event in run.events if event.type == "intent"} if run is not None else set[str]()
        if not lines[0].safe and key.rpartition(":")[2] not in begun:
            yield f"{lines[0].tool} of run {lines[0].run_id} was done and no intent of it is recorded"


def results_nobody_gave(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        for key, event in _settled(run).items():
            given = [line.result for line in evidence.lines.get(f"{run.id}:{key}", ())]
            if event.kind == "tool" and event.data["result"] not in given:
                yield f"run {run.id} has recorded {event.data['result']} for {event.name}, which the tool never gave"


def results_changed(evidence: Evidence) -> Iterator[str]:
    known = {line.result["token"]: line.run_id for lines in evidence.lines.values() for line in lines}
    for run in evidence.runs.values():
        if run.status != "success":
            continue
        if undisturbed.masked(run.output) != undisturbed.output(run.agent, run.input):
            yield f"run {run.id} of {run.agent} gave {str(run.output)[:300]}"
        tokens = list(undisturbed.tokens(run.output))
        if len(set(tokens)) != len(tokens):
            yield f"run {run.id} of {run.agent} has one answer in two places"
        family = {run.id} | {child.id for child in evidence.runs.values() if child.parent_id == run.id}
        if strangers := [token for token in tokens if known.get(token) not in family]:
            yield f"run {run.id} of {run.agent} has answers that are not its own: {strangers}"


def answers_swapped(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        for said in undisturbed.broken_seals(run.output):
            yield f"run {run.id} of {run.agent}: {said}"


def paths_changed(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        for event in run.events:
            if event.type == "diverged":
                yield f"run {run.id} of {run.agent} was said to have taken another path at {event.name}: {event.data}"


def answers_asked_again(evidence: Evidence) -> Iterator[str]:
    begun, settled = Counter[str](), Counter[str]()
    for run in evidence.runs.values():
        done: set[str] = set()
        for event in run.events:
            if event.kind != "model":
                continue
            if event.type == "intent":
                begun[evidence.question(run.id, event.data["request"])] += 1
                if event.key in done:
                    yield f"run {run.id} asked again for the recorded answer {event.key}"
            elif event.type == "step":
                done.add(event.key)
                settled[evidence.question(run.id, event.data["request"])] += 1
    for question in begun | settled | Counter(evidence.asked):
        asked = evidence.asked.get(question, 0)
        if not settled[question] <= asked <= begun[question]:
            calls = f"{begun[question]} calls were begun, {settled[question]} recorded"
            yield f"{question[:12]} was asked {asked} times; {calls}"


def stale_writes(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs.values():
        highest = 0
        for place, event in enumerate(run.events, 1):
            if event.fence < highest:
                yield f"run {run.id}: {event.type} of fence {event.fence} stands after one of fence {highest}"
            highest = max(highest, event.fence)
            if event.seq != place:
                yield f"run {run.id}: event {place} is missing"
                break


def children_doubled(evidence: Evidence) -> Iterator[str]:
    children: dict[str, list[str]] = defaultdict(list)
    for run in evidence.runs.values():
        if run.parent_id is not None:
            children[run.parent_id].append(run.id)
    for run in evidence.runs.values():
        if run.agent == "parent" and run.status == "success" and len(children[run.id]) != 2:
            yield f"run {run.id} started {len(children[run.id])} children; undisturbed it is 2"


def unknown_without_reason(evidence: Evidence) -> Iterator[str]:
    """A worker must have been lost, or have let go, while the tool was under way."""
    for run in evidence.runs.values():
        begun: dict[str, int] = {}
        for event in run.events:
            if event.type == "intent":
                begun[event.key] = event.fence
            unknown = event.type == "interrupted" and event.data["reason"] == "outcome_unknown"
            if unknown and begun.get(event.data["key"], event.fence) >= event.fence:
                yield f"run {run.id} does not know of {event.data['tool']}, which nothing had disturbed"


CHECKS: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "zero accepted runs lost": accepted_runs_lost,
    "every run ended well": runs_not_ended_well,
    "zero steps recorded twice": steps_recorded_twice,
    "zero unsafe tools repeated": unsafe_tools_repeated,
    "every effect was announced": effects_without_intent,
    "every record is what the tool gave": results_nobody_gave,
    "every result as undisturbed": results_changed,
    "branches never swapped": answers_swapped,
    "no other path taken": paths_changed,
    "no recorded answer asked again": answers_asked_again,
    "stale workers recorded nothing": stale_writes,
    "children started once": children_doubled,
    "unknown outcomes have a reason": unknown_without_reason,
}

# Broken once, broken for good; the others are asked when everything has come to rest.
LASTING = (
    "zero unsafe tools repeated", "branches never swapped", "no other path taken", "stale workers recorded nothing",
)  # fmt: skip


def _story(run: Outcome | None, key: str) -> str:
    """What the journal tells of one step and of the hands its run went through."""
    hands = ("started", "lost", "drained", "parked", "interrupted", "resumed")
    events = run.events if run is not None else []
    return ", ".join(
        f"{event.seq} {event.type} fence {event.fence} at {event.at:.3f}"
        for event in events
        if event.key == key or event.type in hands
    )


def _settled(run: Outcome) -> dict[str, Entry]:
    """What came of each step: recorded, or told by a person."""
    settled: dict[str, Entry] = {}
    for event in run.events:
        if event.type == "step" or (event.type == "outcome" and "result" in event.data):
            settled[event.key] = event
    return settled


def _effects(evidence: Evidence) -> dict[tuple[str, str, str], set[str]]:
    effects: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for key, lines in evidence.lines.items():
        for line in lines:
            if not line.safe:
                effects[line.run_id, line.tool, line.result["item"]].add(key)
    return effects
