"""`fairlead ship …`."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from fairlead.cli.exits import Exit
from fairlead.cli.say import AsJson, confirm, out, say, say_json
from fairlead.cli.ship_follow import follow
from fairlead.cli.ship_view import OUTCOMES, arms_table, chart, deploy_json, deploys_table, say_plan, step_line
from fairlead.errors import Conflict, InvalidInput
from fairlead.ship.host.unit import unit_of
from fairlead.ship.ledger import Deploy, LookRecord, StepRecord
from fairlead.ship.smoke import ENOUGH, smoke
from fairlead.ship.strategy import Outcome, Plan, Word
from fairlead.ship.terms import Strategy, Terms
from fairlead.ship.verdict import Verdict, verdict_of
from fairlead.wiring.project import open_setup
from fairlead.wiring.returning import begun, end_return, ensure_not_returning, find_return, restore_database
from fairlead.wiring.shipping import Shipping, declared_of, make_supervisor, open_shipping

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Ship a new release without breaking a run, watch it, go back."
)
Build = Annotated[str, typer.Argument(metavar="RELEASE", help="What the release is called, such as v2 or a commit.")]
Source = Annotated[Path, typer.Option(help="The folder with its code.")]
How = Annotated[Strategy | None, typer.Option(help="Instead of the project's.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Looks = Annotated[bool, typer.Option("--dry-run", hidden=True, help="It only looks, with or without.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
T = TypeVar("T")


@app.command()
def plan(
    release: Build, source: Source = Path(), strategy: How = None, dry_run: Looks = False, json: AsJson = False
) -> None:
    """Say what a deploy would do, step by step. Changes nothing."""

    async def do(shipping: Shipping) -> Plan:
        shipping.release(release, source)
        return await _plan(shipping, release, strategy)

    say_plan(_with(do), json=json)


@app.command()
def deploy(
    release: Build,
    source: Source = Path(),
    strategy: How = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Ship a release. Ctrl-C leaves it where it is: `fairlead ship resume` goes on. Exit code 1: it was rolled back."""
    if dry_run:
        plan(release, source, strategy, json=json)
        return

    async def do(shipping: Shipping) -> Deploy:
        ensure_not_returning(shipping)
        made = shipping.release(release, source)
        planned = await _plan(shipping, release, strategy)
        await shipping.ledger.keep(made)
        opened = await shipping.ledger.open(planned, by=_whoever())
        return await _carried(shipping, opened, json=json)

    _ended(_with(do), json=json)


@app.command()
def resume(json: AsJson = False) -> None:
    """Go on with the deploy under way, after whoever carried it out has died or left it."""

    async def do(shipping: Shipping) -> Deploy:
        ensure_not_returning(shipping)
        return await _carried(shipping, await _under_way(shipping), json=json)

    _ended(_with(do), json=json)


@app.command()
def watch(
    deploy: Annotated[
        str | None, typer.Argument(metavar="DEPLOY", help="Default: the one under way.", show_default=False)
    ] = None,
    dry_run: Looks = False,
    json: AsJson = False,
) -> None:
    """Look on while somebody else carries a deploy out. Ctrl-C harms nothing. Ends as `deploy` does."""

    async def do(shipping: Shipping) -> Deploy:
        found = await (_under_way(shipping) if deploy is None else shipping.ledger.get(deploy))
        return await follow(shipping.ledger, found.id, json=json)

    _ended(_with(do), json=json)


@app.command()
def promote(dry_run: DryRun = False, json: AsJson = False) -> None:
    """End the watch of the deploy under way: it is good enough."""
    _say_word(Word.PROMOTE, dry_run=dry_run, json=json)


@app.command()
def halt(dry_run: DryRun = False, json: AsJson = False) -> None:
    """Emergency stop: the deploy under way ends where it is. All that runs stays, and so does each share."""
    _say_word(Word.HALT, dry_run=dry_run, json=json)


@app.command()
def rollback(
    release: Annotated[str | None, typer.Argument(metavar="RELEASE", help="Default: the one before.")] = None,
    gradual: Annotated[
        bool, typer.Option("--gradual", help="In steps, each for a while and with a look at its health.")
    ] = False,
    with_database: Annotated[
        bool,
        typer.Option("--restore-database", help="With the data as it was then. Nothing answers meanwhile."),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Go back to a release that was served before, with the settings it had. As careful as a deploy.

    While a deploy is under way it is that which goes back.
    """
    if with_database:
        _return_with_database(release, dry_run=dry_run, yes=yes, json=json)
        return
    if not dry_run and release is None and _with(lambda shipping: shipping.ledger.under_way()) is not None:
        confirm("Have the deploy under way go back?", yes=yes)
        _say_word(Word.BACK, dry_run=False, json=json)
        return

    async def planned(shipping: Shipping) -> Plan:
        ensure_not_returning(shipping)
        found = await shipping.ledger.way_back()
        stable = found[1] if found is not None else await shipping.ledger.stable()
        wanted = release or (found[0] if found is not None else None)
        if stable is None or wanted is None:
            raise Conflict("There is no release to go back to.", hint="See `fairlead ship history`.")
        await shipping.ledger.release(wanted)
        return Plan(wanted, stable, _backwards(shipping.declared.terms, gradual=gradual))

    async def do(shipping: Shipping) -> Deploy:
        opened = await shipping.ledger.open(await planned(shipping), by=_whoever())
        return await _carried(shipping, opened, json=json)

    found = _with(planned)
    if dry_run:
        say_plan(found, json=json)
        return
    confirm(f"Go back from {found.old} to {found.new}?", yes=yes)
    _ended(_with(do), json=json)


@app.command()
def status(dry_run: Looks = False, json: AsJson = False) -> None:
    """What is served, what runs, and the deploy under way."""

    async def do(shipping: Shipping) -> dict[str, Any]:
        under_way = await shipping.ledger.under_way()
        steps = [] if under_way is None else await shipping.ledger.steps(under_way)
        returning = begun(shipping)
        return {
            "environment": shipping.environment, "served": await shipping.ledger.stable(),
            "releases": [asdict(arm) for arm in (await shipping.target.state()).values()],
            "under_way": None if under_way is None else deploy_json(under_way, steps),
            "returning": None if returning is None else asdict(returning),
        }  # fmt: skip

    found = _with(do)
    if json:
        say_json(found)
        return
    say(f"{found['environment']}: {found['served'] or 'nothing'} is served.", "bold")
    if found["releases"]:
        out.print(arms_table(found["releases"]))
    if found["returning"]:
        say("The data is being taken back. Nobody is at it? fairlead ship rollback --restore-database", "yellow")
    elif found["under_way"]:
        now = found["under_way"]
        nobody = "" if now["held"] else " Nobody carries it out: fairlead ship resume"
        say(f"Under way: {now['release']}, {now['step'] or 'not begun'}.{nobody}", "yellow")


@app.command()
def history(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    dry_run: Looks = False,
    json: AsJson = False,
) -> None:
    """Deploys, newest first."""
    found = _with(lambda shipping: shipping.ledger.history(limit=limit))
    if json:
        say_json([deploy_json(one) for one in found])
    elif found:
        out.print(deploys_table(found))
    else:
        say("Nothing was shipped yet: fairlead ship deploy RELEASE")


@app.command()
def show(deploy: Annotated[str, typer.Argument(metavar="DEPLOY", help="Its id.")], json: AsJson = False) -> None:
    """One deploy: every step, every verdict, every figure."""

    async def do(shipping: Shipping) -> tuple[Deploy, list[StepRecord], list[LookRecord]]:
        found = await shipping.ledger.get(deploy)
        return found, await shipping.ledger.steps(found), await shipping.ledger.seen(found)

    found, steps, looks = _with(do)
    if json:
        say_json(deploy_json(found, steps, looks))
        return
    say(f"{found.plan.new}, from {found.plan.old or 'nothing'}, by {found.started_by}", "bold")
    for one in steps:
        out.print(step_line(one))
        for line in chart(
            [look for look in looks if look.seq == one.seq], new=found.plan.new, old=found.plan.old or ""
        ):
            out.print(line)
        for finding in one.findings:
            say(
                f"      {finding.about}: {finding.said} ({finding.verdict.value}, evidence {finding.evidence:.3g})",
                "dim",
            )


@app.command()
def tidy(json: AsJson = False) -> None:
    """Let releases end that get no requests and have nothing left to do, and remove the folders of old ones."""

    async def do(shipping: Shipping) -> list[str]:
        if await shipping.ledger.under_way() is not None:
            raise Conflict("A deploy is under way.", hint="fairlead ship status")
        return await shipping.tidy()

    ended = _with(do)
    if json:
        say_json(ended)
    else:
        say(f"{', '.join(ended)}: gone, or about to." if ended else "Nothing to tidy.")


@app.command(name="smoke")
def try_it(
    url: Annotated[str, typer.Argument(metavar="URL", help="Of any service.")],
    at_least: Annotated[float, typer.Option(min=0, max=1, help="Of all tries must pass.")] = ENOUGH,
    json: AsJson = False,
) -> None:
    """Try a service with the smoke suite: the project's own, or the twelve of a Fairlead service. Exit code 1: too few
    tries have passed."""
    findings = asyncio.run(smoke(url, declared_of(open_setup()).smoke, enough=at_least))
    passed = verdict_of(findings) is Verdict.PASS
    if json:
        say_json({"passed": passed, "findings": [asdict(one) for one in findings]})
    else:
        for one in findings[1:]:
            failed = one.said != "passed"
            say(f"{'✗' if failed else '✓'} {one.about}  {one.said if failed else ''}", "red" if failed else "")
        say(
            f"{'PASS' if passed else 'FAIL'}  {findings[0].said.partition(';')[0]}",
            "bold green" if passed else "bold red",
        )
    raise typer.Exit(Exit.OK if passed else Exit.FAILED)


@app.command()
def supervise() -> None:
    """Keep the processes of this host as they are wanted. What systemd runs: see `fairlead ship unit`."""
    make_supervisor(open_setup()).run()


@app.command()
def unit() -> None:
    """Print a systemd unit that keeps the supervisor of this project, through reboots."""
    say(unit_of(open_setup().declared.root, python=sys.executable))


def _with(do: Callable[[Shipping], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_shipping(open_setup()) as shipping:
            return await do(shipping)

    return asyncio.run(run())


async def _plan(shipping: Shipping, release: str, strategy: Strategy | None) -> Plan:
    terms = shipping.declared.terms
    old = await shipping.ledger.stable()
    if old == release:
        raise Conflict(f"{release} is served already.", hint="Give the new code another name.")
    return Plan(release, old, terms if strategy is None else replace(terms, strategy=strategy))


def _backwards(terms: Terms, *, gradual: bool) -> Terms:
    """A release that was served needs no evaluation, and its data no migration."""
    strategy = Strategy.GRADUAL if gradual else Strategy.BLUE_GREEN
    return replace(
        terms, strategy=strategy, bake=0.0, preflight=False, backup=False, migrate=False, one_way=False, evaluate=False
    )  # fmt: skip


async def _under_way(shipping: Shipping) -> Deploy:
    if (found := await shipping.ledger.under_way()) is None:
        raise Conflict("No deploy is under way.", hint="See `fairlead ship history`.")
    return found


async def _carried(shipping: Shipping, deploy: Deploy, *, json: bool) -> Deploy:
    ended = await follow(shipping.ledger, deploy.id, json=json, carry=shipping.carrying().run(deploy.id))
    if ended.outcome is Outcome.SUCCEEDED:
        await shipping.tidy()
    return ended


def _return_with_database(release: str | None, *, dry_run: bool, yes: bool, json: bool) -> None:
    if release is not None:
        raise InvalidInput("The data goes back to before the release that is served now: name none.")
    wanted = _with(find_return)
    if dry_run:
        steps = [
            f"end every process of {wanted.new} and {wanted.old}",
            f"restore {wanted.backup}",
            f"serve {wanted.old}",
        ]
        if json:
            say_json({"release": wanted.old, "from": wanted.new, "backup": wanted.backup, "steps": steps})
        else:
            say("; ".join(steps))
        return
    confirm(
        f"Stop every release, restore {wanted.backup} (what was written since stays only in a backup), and serve "
        f"{wanted.old}?",
        yes=yes,
    )

    def tell(step: str, said: str) -> None:
        if json:
            say_json({"event": "restore_step", "step": step, "said": said})
        else:
            say(f"· {said}", "dim")

    async def do() -> Deploy:
        setup = open_setup()
        await restore_database(setup, wanted, tell=tell)
        async with open_shipping(setup) as shipping:
            plan = Plan(wanted.old, None, _backwards(shipping.declared.terms, gradual=False))
            ended = await _carried(shipping, await shipping.ledger.open(plan, by=_whoever()), json=json)
            if ended.outcome is Outcome.SUCCEEDED:
                end_return(shipping)
            return ended

    _ended(asyncio.run(do()), json=json)


def _say_word(word: Word, *, dry_run: bool, json: bool) -> None:
    async def do(shipping: Shipping) -> Deploy:
        found = await _under_way(shipping)
        if not dry_run:
            await shipping.ledger.say(found, word, by=_whoever())
        return found

    found = _with(do)
    if json:
        say_json(deploy_json(found))
    elif dry_run:
        say(f"{found.plan.new} would be told: {word.value}.")
    else:
        say(f"{found.plan.new}: whoever carries it out hears it at their next look. Nobody does? fairlead ship resume")


def _ended(deploy: Deploy, *, json: bool) -> None:
    outcome = deploy.outcome or Outcome.FAILED
    if json:
        say_json({"event": "deploy_ended", **deploy_json(deploy)})
    else:
        words, style = OUTCOMES[outcome]
        say(f"{deploy.plan.new} {words}.", style)
    raise typer.Exit(Exit.OK if outcome is Outcome.SUCCEEDED else Exit.FAILED)


def _whoever() -> str:
    return getpass.getuser()
