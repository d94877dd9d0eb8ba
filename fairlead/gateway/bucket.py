"""What one provider and model may be asked in a minute: the arithmetic, from values to values.

    free ──lease──► held by a process ──used──► counted for a minute ──► free
      ▲                   │
      └──given back───────┘

Two things bound what is leased. The *level* fills at the rate of the limit and holds what a few seconds give: it
spreads calls. The *window* adds up all that was used in the last minute and all that is leased and may be used at any
moment: it keeps the limit, whatever the level, the processes and their deaths do. A lease that expired counts as used.

After a 429 the rate is cut by a factor, which recovers with time; nothing is leased until the provider's pause is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from fairlead.gateway.rate import BOTH, NONE, SECOND, Answer, Ask, Left, Limited, Pair, Rate, Use

LEASE = 30 * SECOND  # what a process may rely on when it can't ask again
_MINUTE = 60  # slots, one for each second
_PACE = _MINUTE + 1  # seconds: a slot counts until its last moment is a minute old, so the window is a little longer
_BURST_S = 3.0  # what the level holds
_STANDBY = 0.1  # of the limit: the most that all processes together hold without need
_CUT, _LEAST = 0.7, 0.1
_RECOVERY_S = 0.01  # of the full rate, each second after a pause
_COOL = 5 * SECOND  # refusals of calls that were under way together count as one
_FIRST_PAUSE, _LONGEST_PAUSE = SECOND, 60 * SECOND  # when the provider does not say
_FRESH = 3 * SECOND  # a process that waits says so at least every second
_UNBOUNDED = 1 << 40
_SKEW = 5 * SECOND  # a clock that went back further is another clock


@dataclass(slots=True)
class _Lease:
    turn: int
    held: list[int]
    until: int
    asked_at: int
    since: int
    short: list[int]


@dataclass(slots=True)
class _State:
    at: int = 0
    level: list[float] = field(default_factory=lambda: [float(_UNBOUNDED)] * 2)
    slots: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    leases: dict[str, _Lease] = field(default_factory=dict[str, _Lease])
    paused_until: int = 0
    factor: float = 1.0
    cut_at: int = 0
    strikes: int = 0


def turn_of(text: str, process: str) -> int:
    """The last turn of this process that the state has seen; 0 when it has no lease."""
    lease = _load(text).leases.get(process)
    return 0 if lease is None else lease.turn


def part(text: str, of: int) -> str:
    """One part of a state that was shared, for a process that can't ask the others any more: as if each had used as
    much of the last minute, and held nothing."""
    state = _load(text)
    state.leases.clear()
    state.slots = {slot: [-(-used // of) for used in amounts] for slot, amounts in state.slots.items()}
    state.level = [min(level / of, 1.0) for level in state.level]
    return _dump(state)


def used(text: str, rate: Rate, now: int) -> Use:
    """What a state says, for a page: nothing is changed by looking."""
    state = _load(text)
    _advance(state, rate, now)
    requests, tokens = (sum(slot[d] for slot in state.slots.values()) for d in BOTH)
    held = [sum(lease.held[d] for lease in state.leases.values()) for d in BOTH]
    paused = max(state.paused_until - state.at, 0)
    return Use((requests, tokens), (held[0], held[1]), paused, state.factor, len(state.leases))


def exchange(text: str, ask: Ask, rate: Rate, now: int) -> tuple[str, Answer]:
    """The state after this, and what the process gets. `text` is a state as this gave it, "" for the first."""
    state = _load(text)
    before = state.factor
    _advance(state, rate, now)
    lost = _report(state, ask)
    if ask.limited is not None:
        _cut(state, ask.limited)
    if ask.left is not None:
        _believe(state, ask.left)
    answer = _lease(state, ask, rate, before, lost)
    return _dump(state), answer


def _advance(state: _State, rate: Rate, now: int) -> None:
    if state.at - now > _SKEW:
        _shift(state, now - state.at)
    now = max(now, state.at)
    since = max(state.at, min(state.paused_until, now))
    seconds = (now - since) / SECOND
    if state.factor < 1 and state.at:
        state.factor = min(1.0, state.factor + seconds * _RECOVERY_S)
    for d in BOTH:
        state.level[d] = min(_depth(state, rate, d), state.level[d] + seconds * _pace(state, rate, d))
    state.at = now
    for process in [name for name, lease in state.leases.items() if lease.until < now]:
        gone = state.leases.pop(process)
        _count(state, gone.until // SECOND, gone.held)
    for slot in [slot for slot in state.slots if (slot + 1 + _MINUTE) * SECOND <= now]:
        del state.slots[slot]


def _shift(state: _State, by: int) -> None:
    """The store's clock went back (another machine answers now): what was a second ago still is."""
    state.at += by
    state.paused_until += by
    state.cut_at += by
    state.slots = {slot + by // SECOND: used for slot, used in state.slots.items()}
    for lease in state.leases.values():
        lease.until += by
        lease.asked_at += by
        lease.since += by if lease.since else 0


def _most(rate: Rate, d: int) -> int:
    most = rate.most(d)
    return _UNBOUNDED if most is None else most


def _pace(state: _State, rate: Rate, d: int) -> float:
    return _most(rate, d) * state.factor / _PACE


def _depth(state: _State, rate: Rate, d: int) -> float:
    return max(1.0, _pace(state, rate, d) * _BURST_S)


def _count(state: _State, slot: int, amount: list[int] | Pair) -> None:
    counted = state.slots.setdefault(slot, [0, 0])
    for d in BOTH:
        counted[d] = max(counted[d] + amount[d], 0)


def _report(state: _State, ask: Ask) -> bool:
    """Count what was used. True: the lease had expired, and with it all that it held was counted already."""
    lease = state.leases.get(ask.process)
    lost = lease is None and (ask.held != NONE or bool(ask.used))
    if lease is not None:
        for slot, used in ask.used.items():
            _count(state, slot, used)
        for d in BOTH:
            back = lease.held[d] - sum(used[d] for used in ask.used.values()) - ask.held[d]
            state.level[d] += max(back, 0)
    for slot, amount in ask.corrected.items():
        for d in BOTH:
            state.level[d] -= amount[d]
        # What was too little is counted now where its own second is over; what was too much has long come back.
        over = (slot + 1 + _MINUTE) * SECOND <= state.at
        if not over or max(amount) > 0:
            _count(state, state.at // SECOND if over else slot, amount)
    return lost


def _cut(state: _State, limited: Limited) -> None:
    if state.at - state.cut_at >= _COOL or not state.cut_at:
        state.strikes = state.strikes + 1 if state.at - state.cut_at < _MINUTE * SECOND and state.cut_at else 1
        state.factor = max(_LEAST, state.factor * _CUT)
        state.cut_at = state.at
    guess = min(_FIRST_PAUSE << min(state.strikes - 1, 10), _LONGEST_PAUSE)
    _pause(state, guess if limited.pause is None else limited.pause)


def _pause(state: _State, pause: int) -> None:
    state.paused_until = max(state.paused_until, state.at + pause)
    # One call shows whether the provider is ready again; the others follow at the pace.
    state.level[0] = min(state.level[0], 1.0)


def _believe(state: _State, left: Left) -> None:
    """Somebody else may use the same key: what the provider counts is nearer to the truth when it is less."""
    for d, remaining in enumerate((left.requests, left.tokens)):
        if remaining is not None:
            state.level[d] = min(state.level[d], remaining)
    if left.requests == 0:
        _pause(state, left.requests_reset // max(left.requests_limit or 1, 1))
    if left.tokens == 0:
        _pause(state, left.tokens_reset // 20)


def _lease(state: _State, ask: Ask, rate: Rate, before: float, lost: bool) -> Answer:
    held = list(NONE if lost else ask.held)
    short = [max(ask.need[d] - held[d], 0) for d in BOTH]
    state.leases.pop(ask.process, None)
    waiting = [each for each in state.leases.values() if each.since and state.at - each.asked_at <= _FRESH]
    older = [each for each in waiting if ask.since and each.since < ask.since]
    paused = max(state.paused_until - state.at, 0)
    ready_in = paused if any(short) else 0
    granted = [0, 0]
    if not paused:
        room = [_room(state, rate, d) - held[d] for d in BOTH]
        ready_in = max(_wait(state, rate, d, short[d], room[d], older) for d in BOTH)
        if ready_in == 0:
            granted = [_grant(state, rate, d, short[d], room[d], ask, held[d], len(waiting)) for d in BOTH]
    if not ask.leaving:
        met = ready_in == 0
        state.leases[ask.process] = _Lease(
            ask.turn,
            [held[d] + granted[d] for d in BOTH],
            state.at + LEASE,
            state.at,
            0 if met else ask.since,
            [0, 0] if met else short,
        )
    return Answer(
        (granted[0], granted[1]), state.at, paused, ready_in, len(waiting), len(state.leases),
        state.factor, before if state.factor < before or state.factor == 1 != before else None, lost,
    )  # fmt: skip


def _room(state: _State, rate: Rate, d: int) -> int:
    used = sum(slot[d] for slot in state.slots.values())
    leased = sum(lease.held[d] for lease in state.leases.values())
    return _most(rate, d) - used - leased


def _wait(state: _State, rate: Rate, d: int, short: int, room: int, older: list[_Lease]) -> int:
    """Until so much may be leased, in microseconds; 0 when it may be now. Who has waited longer goes first."""
    if short == 0:
        return 0
    depth = _depth(state, rate, d)
    before = sum(min(each.short[d], depth) for each in older)
    missing = min(short, depth) + before - state.level[d]
    wait = 0 if missing <= 0 else int(missing / _pace(state, rate, d) * SECOND) + 1
    lacking = short + sum(each.short[d] for each in older) - room
    for slot in sorted(state.slots) if lacking > 0 else ():
        lacking -= state.slots[slot][d]
        wait = max(wait, (slot + 1 + _MINUTE) * SECOND - state.at)
        if lacking <= 0:
            break
    return max(wait, SECOND) if lacking > 0 else wait  # the rest is leased to others: it may come back at any time


def _grant(state: _State, rate: Rate, d: int, short: int, room: int, ask: Ask, held: int, waiting: int) -> int:
    """What is short; of the rest of the level a share for those behind and, if nobody waits, for what may come."""
    level = state.level[d] - short
    spare = int(max(min(level, room - short), 0)) // (1 + waiting)
    over = max(held - ask.need[d], 0)
    more = min(max(ask.more[d] - over, 0), spare)
    ahead = 0
    if not waiting and ask.ahead[d]:
        standby = int(_most(rate, d) * _STANDBY) - sum(lease.held[d] for lease in state.leases.values())
        ahead = max(min(ask.ahead[d] - max(over - ask.more[d], 0), spare - more, standby - over), 0)
    state.level[d] = level - more - ahead
    return short + more + ahead


def _load(text: str) -> _State:
    if not text:
        return _State()
    try:
        return _read(orjson.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        return _State()  # another version of Fairlead wrote it: a minute begins anew


def _read(kept: dict[str, Any]) -> _State:
    return _State(
        at=kept["at"],
        level=kept["level"],
        slots={int(slot): used for slot, used in kept["slots"].items()},
        leases={process: _Lease(*lease) for process, lease in kept["leases"].items()},
        paused_until=kept["paused"],
        factor=kept["factor"],
        cut_at=kept["cut"],
        strikes=kept["strikes"],
    )


def _dump(state: _State) -> str:
    kept = {
        "at": state.at,
        "level": state.level,
        "slots": {str(slot): used for slot, used in state.slots.items()},
        "leases": {
            process: [each.turn, each.held, each.until, each.asked_at, each.since, each.short]
            for process, each in state.leases.items()
        },
        "paused": state.paused_until,
        "factor": state.factor,
        "cut": state.cut_at,
        "strikes": state.strikes,
    }
    return orjson.dumps(kept).decode()
