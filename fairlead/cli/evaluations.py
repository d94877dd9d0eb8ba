"""`fairlead evaluations …`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.evaluation_cases import SUITE
from fairlead.cli.evaluation_cases import app as cases_app
from fairlead.cli.exits import Exit
from fairlead.cli.figures import ago, seconds, short, usd
from fairlead.cli.reach import reach
from fairlead.cli.runs import RunId, find_run
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput
from fairlead.ship.evaluation.book import Book, Evaluation
from fairlead.ship.evaluation.compare import Comparison, Pair
from fairlead.ship.evaluation.compare import compare as compare_outcomes
from fairlead.ship.evaluation.gate import DOUBT, trials_to_pass
from fairlead.ship.evaluation.outcome import Outcome, Result, by_case, cost_nano, p95, passed
from fairlead.ship.verdict import Verdict
from fairlead.wiring.evaluating import add_case as write_case
from fairlead.wiring.evaluating import open_book
from fairlead.wiring.project import open_setup

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Look at evaluations, compare two, add cases.")
app.add_typer(cases_app, name="cases")
Which = Annotated[str, typer.Argument(metavar="EVALUATION", help="Its id, the beginning of it, or a release's name.")]
T = TypeVar("T")
_NANO = 1_000_000_000
_VERDICTS = {
    Verdict.PASS: ("PASS", "bold green", Exit.OK), Verdict.FAIL: ("FAIL", "bold red", Exit.FAILED),
    Verdict.UNCLEAR: ("UNCLEAR", "bold yellow", Exit.UNCLEAR),
    Verdict.COULD_NOT_ASK: ("COULD NOT ASK", "bold yellow", Exit.UNCLEAR),
}  # fmt: skip


@app.command("list")
def list_evaluations(
    suite: Annotated[str | None, typer.Option(help="Of this suite.")] = None,
    release: Annotated[str | None, typer.Option(help="Of this release.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    json: AsJson = False,
) -> None:
    """Evaluations, newest first."""
    found = _with(lambda book: book.list(suite=suite, release=release, limit=limit))
    if json:
        say_json([as_json(one, outcomes=False) for one in found])
    elif found:
        out.print(_listing(found))
    else:
        say("Nothing was evaluated yet: fairlead evaluate")


@app.command("show")
def show_one(evaluation: Which, json: AsJson = False) -> None:
    """One evaluation, case by case."""
    found = _with(lambda book: book.get(evaluation))
    if json:
        say_json(as_json(found))
    else:
        show(found)


@app.command()
def compare(before: Which, after: Which, json: AsJson = False) -> None:
    """Two evaluations of a suite: which cases have become better or worse, and whether that may be chance."""

    async def do(book: Book) -> tuple[Evaluation, Evaluation]:
        return await book.get(before), await book.get(after)

    one, other = _with(do)
    if one.suite != other.suite:
        raise InvalidInput(f"{one.id} is of the suite {one.suite}, {other.id} of {other.suite}.")
    found = compare_outcomes(one.outcomes, other.outcomes)
    if json:
        say_json({"before": one.id, "after": other.id, "suite": one.suite, **_comparison_json(found)})
        return
    say(f"{one.suite}: {one.release} ({one.id}) and after it {other.release} ({other.id})", "bold")
    _say_comparison(found)


@app.command("add-case")
def add_case(
    run: RunId,
    suite: Annotated[str, typer.Option(help=SUITE)] = "smoke",
    name: Annotated[str, typer.Option(help="Of the case. Default: that of the run.", show_default=False)] = "",
    json: AsJson = False,
) -> None:
    """Make a case of a run: its input, and its output as what is expected. The rest of the suite's file stays."""
    with reach() as reached:
        found = find_run(reached.client, run)
    case = write_case(open_setup(), suite, found, name=name)
    if json:
        say_json({"suite": suite, "case": case})
    else:
        say(f"{case} is a case of {suite}. Look at what it expects: the run is taken for right.")


def show(one: Evaluation) -> None:
    out.print(_cases(one.outcomes))
    words, style, _ = _VERDICTS[one.verdict]
    out.print(Text.assemble("\n", (words, style), f"  {safe(one.suite)}, {safe(one.release)}  ", (one.id, "dim")))
    for finding in one.findings:
        mark, mark_style, _ = _VERDICTS[finding.verdict]
        out.print(
            Text.assemble((f"  {mark:<13} ", mark_style), f"{finding.about:<8}  {safe(finding.said)}"), soft_wrap=True
        )
    if kept := {each.case: each.kept for each in one.outcomes if each.kept}:
        say(f"Kept from runs: {', '.join(f'{case} ({run})' for case, run in kept.items())}", "dim")
    if advice := _advice(one):
        say(advice, "dim")


def exit_of_verdict(verdict: Verdict) -> Exit:
    return _VERDICTS[verdict][2]


def as_json(one: Evaluation, *, outcomes: bool = True) -> dict[str, Any]:
    told = {
        "id": one.id, "suite": one.suite, "digest": one.digest, "agent": one.agent, "release": one.release,
        "by": one.started_by, "started_at": one.started_at, "finished_at": one.finished_at,
        "verdict": one.verdict.value, "bounds": asdict(one.bounds),
        "findings": [{"about": f.about, "verdict": f.verdict.value, "said": f.said} for f in one.findings],
        "cases": one.figures.cases, "planned": one.figures.planned, "asked": one.figures.asked,
        "passed": one.figures.passed, "cost_usd": one.figures.cost_nano / _NANO, "latency_s": one.figures.latency,
    }  # fmt: skip
    return {**told, "outcomes": [_outcome_json(each) for each in one.outcomes]} if outcomes else told


def _outcome_json(one: Outcome) -> dict[str, Any]:
    return {
        "case": one.case, "trial": one.trial, "result": one.result.value, "why": one.why, "scores": dict(one.scores),
        "seconds": one.seconds, "cost_usd": one.cost_nano / _NANO, "judge_usd": one.judge_nano / _NANO,
        "run_id": one.run_id, "output": one.output, "expected": one.expected, "kept": one.kept or None,
    }  # fmt: skip


def _advice(one: Evaluation) -> str:
    """What would tell, where too few answers did not."""
    figures = one.figures
    if not any(found.about == "accuracy" and found.verdict is Verdict.UNCLEAR for found in one.findings):
        return ""
    trials = trials_to_pass(figures.passed, figures.asked, figures.cases, one.bounds)
    if trials is None:
        return "Too near the least accuracy to be told from it. Look at the cases that fail."
    return f"If as many go on being right, --trials {trials} would show it. Or add cases."


def _with(do: Callable[[Book], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_book(open_setup()) as book:
            return await do(book)

    return asyncio.run(run())


def _cases(outcomes: Sequence[Outcome]) -> Table:
    table = _table("case", "passed", "p95", "cost", "why not")
    for case, trials in by_case(outcomes).items():
        good, asked = passed(trials), sum(one.asked for one in trials)
        style = "green" if good == len(trials) else "yellow" if asked < len(trials) else "red"
        slowest = p95(trials)
        failed = [one.why for one in trials if one.result is Result.FAILED]
        why = next(filter(None, (*failed, *(one.why for one in trials))), "")
        table.add_row(
            Text(safe(case), "bold"), Text(f"{good} of {len(trials)}", style), _time(slowest),
            usd(cost_nano(trials) / _NANO), Text(safe(short(why, 100)), "dim"),
        )  # fmt: skip
    return table


def _listing(found: Sequence[Evaluation]) -> Table:
    table = _table("evaluation", "suite", "release", "verdict", "passed", "p95", "cost", "by", "started")
    now = SystemClock().now()
    for one in found:
        words, style, _ = _VERDICTS[one.verdict]
        figures = one.figures
        table.add_row(
            one.id, safe(one.suite), Text(safe(one.release), "bold"), Text(words, style),
            f"{figures.passed} of {figures.planned}", _time(figures.latency),
            usd(figures.cost_nano / _NANO), safe(one.started_by), ago(one.started_at.isoformat(), now),
        )  # fmt: skip
    return table


def _time(found: float | None) -> str:
    return "-" if found is None else seconds(found)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "why not")
    return table


def _say_comparison(found: Comparison) -> None:
    for word, style, pairs in (("worse", "red", found.worse), ("better", "green", found.better)):
        for one in pairs:
            out.print(Text.assemble((f"{word:<7} ", style), (safe(one.case), "bold"), f"  {_counts(one)}"))
    same = len(found.pairs) - len(found.better) - len(found.worse)
    say(f"{same} cases as before, {len(found.worse)} worse, {len(found.better)} better.")
    if found.better or found.worse:
        word = "hardly chance" if found.chance <= DOUBT else "it may be chance"
        say(f"If nothing has changed, so much or more is seen with a probability of {found.chance:.3g}: {word}.")
    if found.others:
        say(f"Not compared, because only one has them, or they were changed: {', '.join(found.others)}.", "dim")
    (cost, cost_after), (slow, slow_after) = found.cost_nano, found.p95
    if cost is not None and cost_after is not None and slow is not None and slow_after is not None:
        say(f"An answer cost {usd(cost / _NANO)}, after {usd(cost_after / _NANO)}.")
        say(f"p95 was {seconds(slow)}, after {seconds(slow_after)}.")


def _counts(pair: Pair) -> str:
    return f"{pair.before[0]} of {pair.before[1]}, after {pair.after[0]} of {pair.after[1]}"


def _comparison_json(found: Comparison) -> dict[str, Any]:
    pairs = [{"case": one.case, "before": one.before, "after": one.after} for one in found.pairs]
    costs = [None if one is None else one / _NANO for one in found.cost_nano]
    return {
        "pairs": pairs, "worse": [one.case for one in found.worse], "better": [one.case for one in found.better],
        "chance": found.chance, "not_compared": found.others, "answer_usd": costs, "latency_s": found.p95,
    }  # fmt: skip
