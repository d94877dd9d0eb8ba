"""Steps that went as most do, straight from the rows they were read as: of a run of thousands most are.

What a page shows of them is decoded when it is looked at. Whatever went in another way `Telling` hears as an event.
"""

from __future__ import annotations

from datetime import timedelta

from fairlead.clock import from_micros
from fairlead.runs.body import Body
from fairlead.runs.told import Told
from fairlead.web.console.steps import Step, StepState, Telling, Work

_KINDS = frozenset({"model", "tool", "step"})
_BESIDE = frozenset({"log", "progress", "accepted"})  # tells nothing of steps


def hear(telling: Telling, told: Told, since: int = 0, until: int | None = None) -> None:
    """What `telling` would make of these events one by one, or of some of them."""
    rows, messages, done = told.rows, told.messages, telling.done
    begun: dict[str, int] = {}  # places of intents whose steps may come
    first, over, pause = 0, 0, 0  # of what executed, in microseconds
    for place, row in enumerate(rows[since:until], since):
        _, seq, type, at, kind, name, key, branch, _, started, fence, text = row
        if type == "intent" and key:
            begun[key] = place
        elif type == "step" and key and name and fence and kind in _KINDS and _is_plain(text, kind, key, telling):
            intent = begun.pop(key, None)
            if intent is not None:
                began = rows[intent]
                branch = branch or began[7]
                started = started or began[9] or began[3]
            end = from_micros(at)
            if started is None or started >= at:
                started, start = at, end
            else:
                start = from_micros(started)
            if not over:
                first, over = started, at
            else:
                if started - over > pause:
                    pause = started - over
                if at > over:
                    over = at
            asked = kind == "model"
            body = Body(text, messages if asked else None)
            done.append(
                Step(key, kind, name, branch, seq, fence, start, end, StepState.DONE, (), (), body, 0, "", asked)
            )
        elif type not in _BESIDE:
            _hear_intents(telling, told, begun)
            telling.hear(told[place])
    _hear_intents(telling, told, begun)
    if over:
        work = Work(from_micros(first), from_micros(over), timedelta(microseconds=pause))
        telling.work = work if telling.work is None else telling.work.and_also(work)
    if last := rows[since:until][-1:]:
        telling.latest = from_micros(last[0][3])


def _hear_intents(telling: Telling, told: Told, begun: dict[str, int]) -> None:
    for place in begun.values():
        telling.hear(told[place])
    begun.clear()


def _is_plain(text: str | None, kind: str, key: str, telling: Telling) -> bool:
    """It was done at the first try, and nothing else is told of it that a story is made of. What looks like the name of
    a field in what somebody said is none: its quotation marks are escaped."""
    if text is None or key in telling.open or '"error"' in text:
        return False
    if kind != "model":
        return '"attempts"' not in text
    once = text.count('"outcome":') == 1 and '"outcome":"ok"' in text
    return once and text.startswith('{"request":{"') and '"aside"' not in text
