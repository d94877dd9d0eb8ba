"""The code: what its own commands say of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fairlead.ship.checklist.answer import Found, Result, Void
from fairlead.ship.checklist.facts import Check, CouldNotAsk, Facts
from fairlead.ship.verdict import Verdict

_IMAGES = ("Dockerfile", "Containerfile", "docker/Dockerfile", "deploy/Dockerfile")
# What `coverage report`, `pytest --cov`, `coverage report --format=total`, `c8` and `nyc` end with.
_TOTAL = (
    re.compile(r"^TOTAL\b.*?(\d{1,3}(?:\.\d+)?)%", re.MULTILINE),
    re.compile(r"^All files\s*\|\s*(\d{1,3}(?:\.\d+)?)\s*\|", re.MULTILINE),
    re.compile(r"^Total coverage:\s*(\d{1,3}(?:\.\d+)?)%", re.MULTILINE),
    re.compile(r"^\s*(\d{1,3}(?:\.\d+)?)\s*%?\s*\Z", re.MULTILINE),
)


def command(name: str) -> Check:
    """A check that holds when the command of this name ends well."""

    async def look(facts: Facts) -> Found:
        return await said_by(facts, name)

    return look


async def said_by(facts: Facts, name: str) -> Found:
    ended = await facts.commands.run(name)
    words = facts.commands.words(name)
    if ended.code == 0:
        return Found(Verdict.PASS, f"`{words}` ended well: {ended.last}", words)
    return Found(Verdict.FAIL, f"`{words}` ended with {ended.code}: {ended.last}", words)


async def coverage(facts: Facts) -> Found:
    """The exit code alone says nothing of how much is covered: the share must be in what the command says."""
    found = await said_by(facts, "coverage")
    if found.result is not Verdict.PASS:
        return found
    output = (await facts.commands.run("coverage")).output
    share = percent_of(output)
    if share is None:
        return Found(
            Verdict.UNCLEAR, f"{found.said} It names no share: let it end with `coverage report`.", found.reference
        )
    enough = share >= facts.declared.coverage
    said = f"{share:g} % of the code, at least {facts.declared.coverage:g} %"
    return Found(Verdict.PASS if enough else Verdict.FAIL, said, found.reference)


def percent_of(output: str) -> float | None:
    """The whole of a coverage report."""
    for pattern in _TOTAL:
        found = pattern.findall(output.rstrip() + "\n" if pattern is not _TOTAL[-1] else output.rstrip())
        if found and float(found[-1]) <= 100:
            return float(found[-1])
    return None


async def image_test(facts: Facts) -> Found:
    return _no_image(facts) or await said_by(facts, "image-test")


async def image_scan(facts: Facts) -> Found:
    return _no_image(facts) or await said_by(facts, "image-scan")


async def all_tests(facts: Facts) -> Found:
    """What is declared is run; one that fails fails all, and one that is not declared leaves it open."""
    kinds = ("tests", "integration", "evaluation", "load")
    declared = [name for name in kinds if facts.commands.words(name)]
    if not declared:
        raise CouldNotAsk(f"No command says. Declare them under [checklist.commands]: {', '.join(kinds)}.")
    found = [await said_by(facts, name) for name in declared]
    said = "; ".join(one.said for one in found)
    if missing := [name for name in kinds if name not in declared]:
        said += f". Not declared: {', '.join(missing)}"
    return Found(_of_all([one.result for one in found], whole=not missing), said, ", ".join(declared))


def _of_all(results: Sequence[Result], *, whole: bool) -> Result:
    if Verdict.FAIL in results:
        return Verdict.FAIL
    return Verdict.PASS if whole else Verdict.UNCLEAR


def _no_image(facts: Facts) -> Found | None:
    names = [name for name in _IMAGES if (facts.root / name).is_file()]
    if names or facts.commands.words("image-test") or facts.commands.words("image-scan"):
        return None
    return Found(Void.NOT_APPLICABLE, "Releases of this project are folders on a host: it has no Dockerfile.")
