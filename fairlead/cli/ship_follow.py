"""A deploy as it goes, by what its ledger says: the same for who carries it out and for who only watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from fairlead.cli.say import out, safe, say, say_json
from fairlead.cli.ship_view import chart, look_json, look_line, step_json, step_line
from fairlead.clock import SystemClock, to_micros
from fairlead.errors import DatabaseUnavailable
from fairlead.ship.ledger import Deploy, Ledger, LookRecord, StepRecord
from fairlead.ship.strategy import Kind
from fairlead.ship.verdict import Verdict

_LOOK_EVERY = 0.3  # seconds


async def follow(ledger: Ledger, deploy_id: str, *, json: bool, carry: Awaitable[Deploy] | None = None) -> Deploy:
    """To its end, while `carry` carries it out, if that is ours to do. Raises what it raises."""
    carrying = None if carry is None else asyncio.ensure_future(carry)
    shown = _Shown(json=json)
    try:
        with Live(console=out, transient=True, refresh_per_second=8) if _lively(json=json) else _Nothing() as live:
            while True:
                over = carrying is not None and carrying.done()
                try:
                    deploy = await ledger.get(deploy_id)
                    steps, looks = await ledger.steps(deploy), await ledger.seen(deploy)
                except DatabaseUnavailable:
                    if over:
                        break
                    await asyncio.sleep(_LOOK_EVERY)
                    continue
                shown.tell(steps, looks)
                live.update(_under_way(deploy, steps, looks))
                if deploy.outcome is not None or over:
                    break
                await asyncio.sleep(_LOOK_EVERY)
        return await ledger.get(deploy_id) if carrying is None else await carrying
    finally:
        if carrying is not None and not carrying.done():
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)


class _Shown:
    """What was said already is not said again."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._looks = 0

    def tell(self, steps: list[StepRecord], looks: list[LookRecord]) -> None:
        for look in looks[self._looks :]:
            if self._json:
                say_json({"event": "look", **look_json(look)})
            elif not _lively(json=False):
                out.print(look_line(look))
        self._looks = len(looks)
        for one in steps:
            if one.seq not in self._begun and self._json:
                say_json({"event": "step_begun", **step_json(one), "verdict": None})
            self._begun.add(one.seq)
            if one.verdict is not None and one.seq not in self._ended:
                self._ended.add(one.seq)
                if self._json:
                    say_json({"event": "step_ended", **step_json(one)})
                else:
                    out.print(step_line(one))
                    self._tell_what_stops(one)

    def _tell_what_stops(self, record: StepRecord) -> None:
        if record.step.kind is Kind.PREFLIGHT and record.verdict is not Verdict.PASS:
            for finding in record.findings[1:]:
                if finding.verdict is not Verdict.PASS:
                    say(f"    {finding.about}: {finding.said}", "dim")


class _Nothing:
    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *_: object) -> None: ...

    def update(self, _: RenderableType) -> None: ...


def _lively(*, json: bool) -> bool:
    return out.is_terminal and not json


def _under_way(deploy: Deploy, steps: list[StepRecord], looks: list[LookRecord]) -> RenderableType:
    now = next((one for one in reversed(steps) if one.verdict is None), None)
    if now is None:
        return Text("")
    seconds = max(0, to_micros(SystemClock().now()) - now.began_at) // 1_000_000
    length = now.step.given.get("length") or now.step.given.get("within")
    said = f"{safe(now.step.said)}  {seconds} s{f' of {length:g} s' if length else ''}"
    lines: list[RenderableType] = [Spinner("dots", Text(f"{'back: ' if now.back else ''}{said}"))]
    if now.step.kind is Kind.WATCH:
        lines += chart([one for one in looks if one.seq == now.seq], new=deploy.plan.new, old=deploy.plan.old or "")
    return Group(*lines)
