"""Realistic runs made by hand, behind a door in memory: for the console's tests and its preview."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.runs.run import Approval, Event, Reason, Run, Status, Worker
from tests.console.memory_door import GalleryDoor

NANO = 1_000_000_000
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><hx-partial hx-target='#main'>{{ 7*7 }}"


def run_id(number: int) -> str:
    """Ordered as uuid7 are: a later run has a larger id."""
    return f"01936{number:03x}-52d1-7b7c-9e0f-3f1b6a2c{number:04x}"


def make_run(number: int, at: datetime, **changes: Any) -> Run:
    plain = Run(
        id=run_id(number),
        tenant="default",
        agent="refund-desk",
        release="2026.11.18-1",
        status=Status.SUCCESS,
        reason=None,
        priority=0,
        input={"question": "Refund for order 48213, parcel lost in transit"},
        output=None,
        error=None,
        metadata={},
        thread_id=None,
        parent_id=None,
        root_id=run_id(number),
        owner=None,
        fence=1,
        deaths=0,
        seq=0,
        wakes=0,
        created_at=at,
        started_at=at + timedelta(milliseconds=12),
        finished_at=None,
        wake_at=None,
        deadline=None,
        executing=timedelta(seconds=8.1),
        cost_nano=int(0.0076 * NANO),
        budget_nano=5 * NANO,
        tokens_in=5120,
        tokens_out=402,
        steps=4,
        progress=100,
        cancel_requested=False,
        idempotency_key=None,
    )
    return replace(plain, **changes)


@dataclass
class Tape:
    """Writes the events of one run, in seconds after it was accepted."""

    run: Run
    events: list[Event] = field(default_factory=list[Event])
    fence: int = 0

    def at(self, second: float) -> datetime:
        return self.run.created_at + timedelta(seconds=second)

    def add(self, type: str, second: float, **fields: Any) -> Event:
        made = Event(self.run.id, len(self.events) + 1, type, self.at(second), **({"fence": self.fence} | fields))
        self.events.append(made)
        return made

    def started(self, second: float, worker: str, **data: Any) -> None:
        self.fence += 1
        self.add("started", second, data={"worker": worker, "attempt": self.fence, "release": self.run.release} | data)

    def step(
        self, kind: str, name: str, start: float, end: float, data: Any, *, branch: str = "", key: str = ""
    ) -> None:
        key = key or f"{branch or 'main'}:{name}:{len(self.events)}"
        self.add("step", end, kind=kind, name=name, key=key, branch=branch, started_at=self.at(start), data=data)

    def model(self, name: str, start: float, end: float, messages: list[Any], reply: Any, **more: Any) -> None:
        data = {
            "request": {"model": "openai/gpt-5-mini", "messages": messages, "tools": ["get_order", "carrier_trace"]},
            "reply": reply,
            "usage": {"tokens_in": 3070, "tokens_out": 318, "cached_in": 1024, "reasoning": 0},
            "cost_nano": int(more.pop("cost", 0.0047) * NANO),
            "provider": "openai",
            "first_token_ms": more.pop("first", 1.1) * 1000,
            "attempts": [
                {
                    "provider": "openai",
                    "started_at": self.at(start).isoformat(),
                    "took_ms": (end - start) * 1000,
                    "outcome": "ok",
                }
            ],
        }
        self.step("model", name, start, end, data, **more)

    def tool(self, name: str, start: float, end: float, arguments: Any, result: Any, **more: Any) -> None:
        data = {"arguments": arguments, "result": result, "safe": more.pop("safe", True)}
        if "attempts" in more:
            data["attempts"] = more.pop("attempts")
        self.step("tool", name, start, end, data, **more)


SYSTEM = {
    "role": "system",
    "content": "You are the refund desk of a parcel shop.\nCheck the order and our policy before you promise.",
}
ASKED = {
    "role": "user",
    "content": "Hello, my parcel for order 48213 was due on the 14th and tracking has not moved since. "
    "I would like my money back, please.",
}


def _call(number: int, name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


PLANNED = {
    "role": "assistant",
    "content": "I will check the order, the carrier, and our policy before I promise anything.",
    "tool_calls": [
        _call(1, "get_order", '{"id":48213}'),
        _call(2, "carrier_trace", '{"parcel":"JD0146000371"}'),
        _call(3, "search_policy", '{"query":"lost in transit, refund"}'),
    ],
}
TRACE = {
    "status": "in_transit",
    "last_scan": {"at": "2026-11-13T17:42+09:00", "place": "大阪 南港"},
    "days_without_scan": 9,
    "events": [{"n": n} for n in range(6)],
}
DECIDED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        _call(4, "approve_refund", '{"amount":64.9}'),
        _call(5, "issue_refund", '{"order":48213,"amount":64.9}'),
    ],
}
ANSWER = (
    "I am sorry about this. The carrier has not scanned your parcel for nine days, "
    "so we treat it as lost. "
    "I have refunded $64.90 to your card; it usually shows within three working days."
)


def refund(number: int, at: datetime, *, until: float = 1000) -> tuple[Run, list[Event], list[Approval]]:
    """The run of the pictures: two branches, a retry, a dead worker, an approval. `until` stops the tape early."""
    run = make_run(
        number,
        at,
        metadata={
            "title": "Refund for order 48213, parcel lost in transit",
            "user": "u_5521",
            "trace_id": "4bf92f3577b34da6",
        },
        input={"messages": [ASKED]},
        output={"messages": [{"role": "assistant", "content": ANSWER}]},
        finished_at=at + timedelta(seconds=172),
        executing=timedelta(seconds=38.8),
        cost_nano=int(0.0468 * NANO),
        tokens_in=18_420,
        tokens_out=1_906,
        steps=11,
        fence=3,
        deaths=1,
        thread_id="7c1e52d1-0000-7000-8000-000000000000",
    )
    tape = Tape(run)
    tape.add("accepted", 0.0)
    tape.started(0.01, "w-3", waited_ms=10)
    tape.model("plan", 0.03, 3.39, [SYSTEM, ASKED], PLANNED, cost=0.0084)
    tape.tool(
        "get_order", 3.5, 3.97, {"id": 48213}, {"total": 64.9, "carrier": "JD"}, branch="order", key="order:call_1"
    )
    tape.tool(
        "search_policy",
        3.5,
        4.35,
        {"query": "lost in transit, refund"},
        ["§4 Lost parcels"],
        branch="policy",
        key="policy:call_3",
    )
    tried = [
        {
            "provider": "carrier",
            "started_at": tape.at(4.05).isoformat(),
            "took_ms": 3000,
            "outcome": "error",
            "message": "504 from carrier gateway",
        },
        {"provider": "carrier", "started_at": tape.at(8.1).isoformat(), "took_ms": 1800, "outcome": "ok"},
    ]
    tape.add("log", 4.0, data={"event": "carrier_asked", "parcel": "JD0146000371"})
    tape.tool(
        "carrier_trace",
        4.05,
        9.9,
        {"parcel": "JD0146000371", "history": True},
        TRACE,
        branch="order",
        key="order:call_2",
        attempts=tried,
    )
    tape.model(
        "read_policy",
        4.4,
        10.75,
        [SYSTEM, {"role": "user", "content": "Read §4."}],
        {"role": "assistant", "content": "Nine days is lost."},
        branch="policy",
        cost=0.0047,
        first=0.8,
    )
    tape.model(
        "summarise_trace",
        10.0,
        12.35,
        [{"role": "user", "content": "Summarise."}],
        {"role": "assistant", "content": "No scan since the 13th."},
        branch="order",
        cost=0.0021,
        first=0.6,
    )
    tape.add(
        "intent", 12.4, kind="model", name="decide", key="main:decide", data={"request": {"model": "openai/gpt-5-mini"}}
    )
    tape.add("progress", 12.4, data={"percent": 55, "text": "deciding"})
    tape.add("lost", 14.9, data={"worker": "w-3", "after_ms": 400})
    tape.started(15.0, "w-1", resumed=True, reused=6)
    history = [SYSTEM, ASKED, PLANNED]
    tape.model("decide", 15.6, 21.0, history, DECIDED, cost=0.0142, first=1.6, key="main:decide")
    tape.add(
        "waiting",
        21.1,
        kind="approval",
        name="approve_refund",
        key="main:call_4",
        data={"approval_id": f"ap-{number}", "expires_at": tape.at(86400).isoformat()},
    )
    tape.add("parked", 21.15)
    tape.add("approval", 153.0, data={"approval_id": f"ap-{number}", "approved": True, "by": "Mika Tanaka"})
    tape.started(153.2, "w-1", resumed=False)
    tape.step(
        "approval",
        "approve_refund",
        21.1,
        154.1,
        {"result": {"approved": True, "by": "Mika"}, "approval_id": f"ap-{number}"},
        key="main:call_4",
    )
    tape.add(
        "intent",
        154.2,
        kind="tool",
        name="issue_refund",
        key="main:call_5",
        data={"arguments": {"order": 48213, "amount": 64.9}},
    )
    tape.tool(
        "issue_refund",
        154.2,
        158.4,
        {"order": 48213, "amount": 64.9},
        {"refund": "rf_88121"},
        key="main:call_5",
        safe=False,
    )
    tape.model(
        "reply", 158.5, 169.3, [*history, DECIDED], {"role": "assistant", "content": ANSWER}, cost=0.0174, first=1.4
    )
    tape.tool("close_ticket", 169.4, 171.7, {"ticket": 9912}, None, safe=True)
    tape.add("finished", 172.0, data={"status": "success"})
    approval = Approval(
        f"ap-{number}",
        run.id,
        "default",
        "Refund $64.90 for order 48213?",
        {"amount": 64.9},
        tape.at(21.1),
        tape.at(86400),
        True,
        tape.at(153.0),
        "Mika Tanaka",
        "Carrier confirms no scan since the 13th.",
    )
    kept = [event for event in tape.events if event.at <= tape.at(until)]
    asked = [approval] if until > 21.1 else []
    if 21.1 < until < 153:
        asked = [replace(approval, approved=None, decided_at=None, decided_by=None, comment=None)]
    return run, kept, asked


def big(number: int, at: datetime, *, steps: int = 5000) -> tuple[Run, list[Event]]:
    run = make_run(
        number,
        at,
        agent="archive-sweep",
        metadata={"title": f"Sweep the archive, {steps} files"},
        steps=steps,
        finished_at=at + timedelta(seconds=steps * 0.05),
        executing=timedelta(seconds=steps * 0.05),
        output="done",
    )
    tape = Tape(run)
    tape.add("accepted", 0)
    tape.started(0.01, "w-1")
    for n in range(steps):
        branch = f"fetch.{n % 12}" if n > 20 else ""
        fields: Any = (
            {"arguments": {"n": n}, "result": n}
            if n % 997
            else {"arguments": {"n": n}, "error": {"error": "tool_failed", "message": "disk is gone"}}
        )
        tape.step("tool", "read_file", n * 0.05, n * 0.05 + 0.2, fields, branch=branch, key=f"k{n}")
    tape.add("finished", steps * 0.05, data={"status": "success"})
    return run, tape.events


def hostile(number: int, at: datetime) -> tuple[Run, list[Event], list[Approval]]:
    """Every text a stranger can choose is an attack, and the data have no shape one could count on."""
    run = make_run(
        number,
        at,
        agent=HOSTILE[:80],
        release=HOSTILE[:40],
        metadata={"title": HOSTILE, "user": HOSTILE, "trace_id": 7},
        input={HOSTILE: HOSTILE},
        status=Status.ERROR,
        error={"error": HOSTILE, "message": HOSTILE},
        output=[HOSTILE, {"x": 1e300}],
        thread_id=HOSTILE[:30],
        finished_at=at + timedelta(seconds=3),
    )
    tape = Tape(run)
    tape.add("accepted", 0, data=HOSTILE)
    tape.started(0.01, HOSTILE)
    tape.model(
        HOSTILE,
        0.1,
        1.0,
        [{"role": "user", "content": HOSTILE}, {"role": HOSTILE, "content": [{"type": "text", "text": HOSTILE}, 7]}],
        {"role": "assistant", "content": HOSTILE, "tool_calls": [_call(1, HOSTILE, HOSTILE), 5, {"function": []}]},
        branch=HOSTILE,
    )
    tape.step(
        "tool",
        HOSTILE,
        1.0,
        2.0,
        {
            "arguments": HOSTILE,
            "error": {"error": HOSTILE, "message": HOSTILE},
            "attempts": [None, 4, {"started_at": HOSTILE, "took_ms": HOSTILE}],
        },
        key=HOSTILE,
    )
    for data in (
        None,
        5,
        "x",
        [],
        {"attempts": 5, "usage": 7, "request": [], "reply": 3, "cost_nano": "dear", "first_token_ms": -4},
    ):
        tape.step("model", "odd", 2.0, 2.1, data)
    tape.add("lost", 2.2, data="?")
    tape.add("log", 2.3, data={"event": HOSTILE, HOSTILE: HOSTILE})
    tape.add("progress", 2.4, data={"text": HOSTILE})
    return (
        run,
        tape.events,
        [Approval("ap-x", run.id, "default", HOSTILE, HOSTILE, at, at + timedelta(days=1), True, at, HOSTILE, HOSTILE)],
    )


TITLES = (
    "Where is my parcel, order 48392",
    "小包が届きません。注文番号 48388",
    "Parcel claim batch 2026-11-22, part 4",
    "Change delivery address of order 48371",
    "Refund for order 48365, wrong parcel",
    "Parcel claim batch 2026-11-22, part 3",
    "包裹丢失，订单 48359 申请退款",
    "Trace all parcels of depot Osaka-3",
    "Duplicate charge on parcel 48340",
    "Which documents do I need for a parcel claim?",
    "Summarise every parcel complaint this month",
    "Parcel stuck in customs, order 48322",
)
KINDS: tuple[tuple[Status, Reason | None], ...] = (
    (Status.RUNNING, None),
    (Status.PENDING, None),
    (Status.SUCCESS, None),
    (Status.INTERRUPTED, Reason.OUTCOME_UNKNOWN),
    (Status.ERROR, None),
    (Status.SUCCESS, None),
    (Status.SUCCESS, None),
    (Status.INTERRUPTED, Reason.APPROVAL),
    (Status.TIMEOUT, None),
    (Status.INTERRUPTED, Reason.CANCELLED),
    (Status.SUCCESS, None),
    (Status.SUCCESS, None),
    (Status.ERROR, Reason.BUDGET),
    (Status.SUCCESS, None),
    (Status.ERROR, Reason.POISON),
    (Status.PENDING, Reason.TIMER),
    (Status.PENDING, Reason.LOST),
    (Status.SUCCESS, None),
)


def gallery(now: datetime, *, large: int = 300) -> GalleryDoor:
    """One of everything: finished 1, running 2, waiting 3, failed 4, many steps 5, hostile 6; then 65 more."""
    door = GalleryDoor(now)
    door.put(*refund(1, now - timedelta(minutes=22)))
    _running(door, 2, now - timedelta(seconds=19))
    _waiting(door, 3, now - timedelta(minutes=41))
    _failed(door, 4, now - timedelta(minutes=12))
    door.put(*big(5, now - timedelta(hours=2), steps=large))
    door.put(*hostile(6, now - timedelta(minutes=5)))
    for number in range(10, 75):
        _listed(door, number, now - timedelta(seconds=12 + (75 - number) * 47))
    door.people = [
        Worker(
            f"w-{n}-019a",
            "2026.11.18-1" if n < 3 else "2026.11.20-2",
            ("refund-desk", "order-desk"),
            f"host-{n}",
            4000 + n,
            10,
            now - timedelta(hours=n),
            now + timedelta(seconds=12),
            now - timedelta(minutes=20) if n == 3 else None,
            n == 2,
            n * 2,
        )
        for n in (1, 2, 3, 4)
    ]
    return door


def _running(door: GalleryDoor, number: int, at: datetime) -> None:
    run, events, _ = refund(number, at, until=15.5)
    run = replace(
        run,
        status=Status.RUNNING,
        output=None,
        finished_at=None,
        owner="w-1",
        progress=55,
        steps=6,
        cost_nano=int(0.0183 * NANO),
        tokens_in=12_744,
        tokens_out=1_031,
        executing=timedelta(seconds=15),
    )
    tape = Tape(run, events, fence=2)
    tape.add(
        "intent",
        15.6,
        kind="model",
        name="decide",
        key="main:decide",
        started_at=tape.at(15.6),
        data={"request": {"model": "openai/gpt-5-mini"}},
    )
    door.put(run, tape.events)


def _waiting(door: GalleryDoor, number: int, at: datetime) -> None:
    run, events, approvals = refund(number, at, until=30)
    run = replace(
        run,
        status=Status.INTERRUPTED,
        reason=Reason.APPROVAL,
        output=None,
        finished_at=None,
        progress=70,
        steps=7,
        executing=timedelta(seconds=21),
    )
    door.put(run, events, approvals)


def _failed(door: GalleryDoor, number: int, at: datetime) -> None:
    problem = {
        "error": "tool_failed",
        "message": "export_ledger raised: PermissionError: [Errno 13] Permission denied: '/var/ledger/2026-11.csv'",
    }
    run = make_run(
        number,
        at,
        agent="claims-batch",
        status=Status.ERROR,
        error=problem,
        finished_at=at + timedelta(seconds=72),
        metadata={"title": "Parcel claim batch 2026-11-22, part 3"},
        executing=timedelta(seconds=71),
        cost_nano=int(0.2144 * NANO),
    )
    tape = Tape(run)
    tape.add("accepted", 0)
    tape.started(6.0, "w-2", waited_ms=6000)
    tape.model(
        "plan",
        6.1,
        14.0,
        [ASKED],
        {
            "role": "assistant",
            "content": "I will export the ledger, then match every claim.",
            "tool_calls": [_call(1, "list_claims", "{}"), _call(2, "export_ledger", '{"month":"2026-11"}')],
        },
    )
    tape.tool("list_claims", 14.2, 22.0, {}, [{"claim": n, "sum": n * 3.5} for n in range(120)], key="main:call_1")
    tape.step("child", "match-claims", 22.2, 55.0, {"child_id": run_id(2), "result": {"matched": 117}})
    tape.step("timer", "sleep", 55.0, 60.0, {})
    tape.step(
        "tool",
        "export_ledger",
        60.2,
        71.5,
        {"arguments": {"month": "2026-11"}, "error": problem, "safe": False},
        key="main:call_2",
    )
    tape.add("finished", 72.0, data={"status": "error", "error": problem})
    door.put(run, tape.events)


def _listed(door: GalleryDoor, number: int, at: datetime) -> None:
    status, reason = KINDS[number % len(KINDS)]
    over = at + timedelta(seconds=3 + number * 7 % 95) if status.finished else None
    agents = ("refund-desk", "order-desk", "claims-batch", "carrier-sweep", "analyst")
    door.put(
        make_run(
            number,
            at,
            agent=agents[number % 5],
            status=status,
            reason=reason,
            finished_at=over,
            metadata={"title": TITLES[number % len(TITLES)]},
            cost_nano=number * 1_313_000,
            release="2026.11.20-2" if number % 9 == 0 else "2026.11.18-1",
            started_at=None if status is Status.PENDING and reason is None else at,
            error={"error": "model_timeout", "message": "The provider did not answer in time."}
            if status in (Status.ERROR, Status.TIMEOUT)
            else None,
        ),
        [Event(run_id(number), 1, "accepted", at)],
    )
