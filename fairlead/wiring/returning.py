"""The way back with the data as it was: every process of every release ends, the backup takes the place of the
database, and the release that was served then is served again. Nothing answers meanwhile.

Whoever does so may die at any moment. How far it is stands in a file beside the releases, because the database that
would say it is the one that is replaced; the same command goes on.

    note ──► halt ──► restore ──► note ──► end the deploy that the backup takes for open ──► serve ──► no note
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from fairlead.errors import Conflict
from fairlead.operate.backup import restore
from fairlead.ship.strategy import Kind, Outcome
from fairlead.whole_file import PRIVATE, write_whole
from fairlead.wiring.backing_up import backup_subject
from fairlead.wiring.project import Setup
from fairlead.wiring.shipping import Shipping, open_shipping


@dataclass(frozen=True, slots=True)
class Returning:
    """From `new` to `old`, by this backup. `restored`: the database is what it was."""

    new: str
    old: str
    backup: str
    restored: bool = False


def begun(shipping: Shipping) -> Returning | None:
    """What somebody has begun, and not brought to its end."""
    path = _note(shipping)
    return Returning(**orjson.loads(path.read_bytes())) if path.exists() else None


def ensure_not_returning(shipping: Shipping) -> None:
    """Raises `Conflict`: nothing else may begin in between."""
    if (found := begun(shipping)) is not None:
        raise Conflict(
            f"The data is being taken back to {found.backup}.", hint="Go on: fairlead ship rollback --restore-database"
        )


async def find_return(shipping: Shipping) -> Returning:
    """What was begun, or the way back from what is served (or frozen) now. Raises `Conflict`."""
    if (found := begun(shipping)) is not None:
        return found
    if await shipping.ledger.under_way() is not None:
        raise Conflict("A deploy is under way.", hint="End it first: fairlead ship rollback.")
    way = await shipping.ledger.way_back()
    if way is None:
        raise Conflict("There is no release to go back to.", hint="See `fairlead ship history`.")
    for deploy in await shipping.ledger.history(limit=100):
        if deploy.plan.new == way[1] and deploy.plan.old is not None:
            for one in await shipping.ledger.steps(deploy):
                if one.step.kind is Kind.BACKUP and one.findings:
                    return Returning(deploy.plan.new, deploy.plan.old, one.findings[0].said)
    raise Conflict(f"No backup was taken before {way[1]}.", hint="See `fairlead backup list`, and [ship] backup.")


async def restore_database(setup: Setup, wanted: Returning, *, tell: Callable[[str, str], None]) -> None:
    """Afterwards nothing runs, and `wanted.old` is what is served by the ledger. Raises what `restore` raises, and then
    the database is what it was; the releases that ran are wanted again."""
    async with open_shipping(setup) as shipping:
        target, note = shipping.target, _note(shipping)
        write_whole(note, orjson.dumps(asdict(wanted)), mode=PRIVATE)
    tell("stop", "every process of every release ends")
    running = await target.halt()
    if not wanted.restored:
        try:
            await restore(backup_subject(setup.settings), wanted.backup, tell=tell)
        except BaseException:
            note.unlink()
            await target.wake_again(running)
            raise
        write_whole(note, orjson.dumps(asdict(replace(wanted, restored=True))), mode=PRIVATE)
    async with open_shipping(setup) as shipping:
        if (open_then := await shipping.ledger.under_way()) is not None:
            # The one before which the backup was taken, or our own, of which whoever began it has died.
            await shipping.ledger.finish(open_then, Outcome.ROLLED_BACK)


def end_return(shipping: Shipping) -> None:
    """It is served again."""
    _note(shipping).unlink(missing_ok=True)


def _note(shipping: Shipping) -> Path:
    return shipping.declared.host.root / "returning.json"
