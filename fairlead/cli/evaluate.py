"""`fairlead evaluate`."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from fairlead.cli.client import Client
from fairlead.cli.evaluations import SUITE, as_json, exit_of_verdict, show
from fairlead.cli.reach import key_of, reach
from fairlead.cli.say import AsJson, err, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import InvalidInput
from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.evaluation.gate import Bounds
from fairlead.ship.evaluation.outcome import Outcome, Result
from fairlead.wiring.evaluating import Where, load_suite, load_suite_with, open_book
from fairlead.wiring.evaluating import evaluate as carry_out
from fairlead.wiring.project import Setup, open_setup

if TYPE_CHECKING:
    from fairlead.ship.evaluation.suite import Suite

app = typer.Typer(add_completion=False)
_DEFAULT = Bounds()


@app.command()
def evaluate(
    suite: Annotated[str, typer.Option(help=SUITE)] = "smoke",
    min_accuracy: Annotated[float, typer.Option(help="Share of answers that must be right.")] = _DEFAULT.min_accuracy,
    max_cost: Annotated[float, typer.Option(help="US dollars that all of it may cost.")] = _DEFAULT.max_cost,
    max_latency: Annotated[float, typer.Option(help="Seconds that 95 % of answers take at most.")] = (
        _DEFAULT.max_latency
    ),
    trials: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Of each case. Default: the suite's, or as few as can pass.")
    ] = None,
    release: Annotated[str, typer.Option(help="The release to ask. Default: the one that serves.")] = "",
    url: Annotated[str, typer.Option(help="Of the Fairlead to ask. Default: that of this project.")] = "",
    kept: Annotated[
        bool, typer.Option("--kept/--file-only", help="With the cases that were kept from runs, or without them.")
    ] = True,
    json: AsJson = False,
) -> None:
    """Say whether a release is good enough: cases are put to an agent, scorers look at the answers.

    Exit code 0: it passes. 1: it fails. 9: that can't be told, from so few answers or without all of them.
    """
    bounds = Bounds(min_accuracy, max_cost, max_latency)
    setup = open_setup()

    async def load() -> Suite:
        async with open_book(setup) as book:
            return await load_suite_with(book, setup, suite)

    loaded = asyncio.run(load()) if kept else load_suite(setup, suite)

    async def run(where: Where) -> Evaluation:
        with _Bar(silent=json) as bar:
            async with open_book(setup) as book:
                return await carry_out(
                    loaded, where, bounds, book, by=getpass.getuser(), release=release, trials=trials,
                    clock=SystemClock(), tell=bar.hear,
                )  # fmt: skip

    with _where(setup, url, release) as where:
        done = asyncio.run(run(where))
    if json:
        say_json(as_json(done) | {"left_out": [asdict(one) for one in loaded.left_out]})
    else:
        show(done)
        for one in loaded.left_out:
            say(f"Kept case left out: {one.name} ({one.run_id}). {one.why}", "yellow")
    raise typer.Exit(exit_of_verdict(done.verdict))


@contextmanager
def _where(setup: Setup, url: str, release: str) -> Generator[Where]:
    """That URL; else the server of this project if one runs, else an engine in this process."""
    if url:
        if not url.startswith(("http://", "https://")):
            raise InvalidInput(f"{url} is no URL.", hint="It begins with http:// or https://.")
        yield Where(url.rstrip("/"), key=key_of(setup.settings), release=release)
        return
    with reach(with_worker=True) as reached:
        client: Client = reached.client
        # An engine of our own has one release only, whatever it is to be called.
        yield Where(client.url, client.unix, key_of(setup.settings), "" if reached.own else release)


class _Bar:
    """How far it is, on a terminal."""

    def __init__(self, *, silent: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"),
            console=err, transient=True, disable=silent or not err.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("asking", total=None, said="")
        self._counts = dict.fromkeys(Result, 0)
        self._nano = 0

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def hear(self, outcome: Outcome, planned: int) -> None:
        self._counts[outcome.result] += 1
        self._nano += outcome.cost_nano + outcome.judge_nano
        told = [f"{count} {result.value.replace('_', ' ')}" for result, count in self._counts.items() if count]
        said = f"{', '.join(told)}  ${self._nano / 1e9:.4f}"
        self._progress.update(self._task, total=planned, advance=1, said=said)
