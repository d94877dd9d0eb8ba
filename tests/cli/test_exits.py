from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairlead import errors
from fairlead.cli.exits import Exit, exit_of
from tests.cli.processes import fairlead


def kinds(error: type[errors.FairleadError]) -> Iterator[type[errors.FairleadError]]:
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from kinds(child)


def exit_of_kind(kind: type[errors.FairleadError]) -> Exit:
    error = errors.FairleadError("")
    error.code = kind.code
    return exit_of(error)


def test_what_a_caller_did_wrong_is_told_from_what_failed() -> None:
    refusals = [
        kind
        for kind in kinds(errors.FairleadError)
        if not issubclass(kind, errors.ModelError | errors.ToolFailed | errors.EgressError)
    ]
    failures = {kind.__name__ for kind in refusals if exit_of_kind(kind) is Exit.FAILED}
    assert failures == {
        "TooManyIterations",
        "BadOutput",
        "RunFailed",
        "ReleaseBroken",
        "Fenced",
        "ComeBackLater",
        "Damaged",
        "BackupFailed",
        "Unanswered",
    }


def test_help_lists_every_exit_code(tmp_path: Path) -> None:
    shown = " ".join(fairlead(tmp_path, "--help").out.split())
    for code in Exit:
        assert f"{code.value} {code.says}" in shown


def test_the_manual_lists_every_exit_code(repository: Path) -> None:
    page = (repository / "docs/tasks/use-the-command-line.md").read_text()
    assert [line for line in page.splitlines() if line in {f"| {code.value} | {code.says} |" for code in Exit}] == [
        f"| {code.value} | {code.says} |" for code in Exit
    ]
