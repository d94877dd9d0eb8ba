"""Secrets: none in the release's folder, and each from where secrets are kept."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from fairlead.clock import Clock
from fairlead.config import describe_settings
from fairlead.ship.checklist.answer import Found
from fairlead.ship.checklist.facts import Facts
from fairlead.ship.verdict import Verdict
from fairlead.telemetry.redact import is_sensitive

_SKIPPED = {
    ".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".fairlead", ".mypy_cache", ".ruff_cache",
    ".pytest_cache",
    ".tox", ".nox",
}  # fmt: skip
_LOCAL = (".env.local",)  # by its name and by `fairlead init` kept out of the repository
_LARGEST = 2_000_000  # bytes of a file
_MOST_FILES = 50_000
_SHOWN = 5
# Forms that nothing else has: what is found is one, or was made to look like one.
_FORMS = {
    "a private key": rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=]",
    "an AWS key": rb"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "an Anthropic key": rb"\bsk-ant-[a-z]{2,10}\d{2}-[\w-]{20,}",
    "an OpenAI key": rb"\bsk-(?:proj-|svcacct-|admin-)?(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{32,}",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,})",
    "a GitLab token": rb"\bglpat-[\w-]{20,}",
    "a Slack token": rb"\bxox[abprs]-\d[\w-]{20,}",
    "a Stripe key": rb"\b[sr]k_live_\w{20,}",
    "a Google key": rb"\bAIza[\w-]{35}\b",
    "a Fairlead key": rb"\bfl_[A-Za-z0-9_-]{32,}",
}
_PATTERNS = {name: re.compile(form) for name, form in _FORMS.items()}


@dataclass(frozen=True, slots=True)
class Leak:
    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} holds {self.what}"


@dataclass(frozen=True, slots=True)
class Scan:
    leaks: tuple[Leak, ...]
    files: int
    whole: bool  # whether all of them were looked at


def scan(root: Path, *, ours: Sequence[str], allowed: Sequence[str], seconds: float, clock: Clock) -> Scan:
    """`ours`: secrets we hold, looked for as they are. `allowed`: patterns of paths that may hold what looks like
    one."""
    leaks: list[Leak] = []
    until, files = clock.monotonic() + seconds, 0
    literals = [one.encode() for one in ours if len(one) >= 8]
    for path in _files(root):
        name = str(path.relative_to(root))
        if any(fnmatch(name, pattern) for pattern in allowed):
            continue
        if files >= _MOST_FILES or clock.monotonic() > until:
            return Scan(tuple(leaks), files, whole=False)
        files += 1
        leaks += _leaks_of(path, name, literals)
    return Scan(tuple(leaks), files, whole=True)


async def secrets(facts: Facts) -> Found:
    settings = facts.settings
    ours = settings.secret_values() if settings is not None else ()
    scanned = await asyncio.to_thread(
        scan, facts.root, ours=ours, allowed=facts.declared.may_hold_keys,
        seconds=facts.declared.timeout.total_seconds() * 0.8, clock=facts.clock,
    )  # fmt: skip
    wrong = [str(one) for one in scanned.leaks] + list(_openly_set(facts))
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return Found(Verdict.FAIL, "; ".join(wrong[:_SHOWN]) + more, wrong[0].partition(" ")[0])
    if not scanned.whole:
        return Found(
            Verdict.UNCLEAR, f"None in {scanned.files} files; there was no time for the rest.", str(facts.root)
        )
    return Found(Verdict.PASS, f"none in {scanned.files} files; {_sources(facts)}", str(facts.root))


def _openly_set(facts: Facts) -> Iterator[str]:
    """[ship.settings] is kept with each release, in the database and on the host; a secret belongs beside it."""
    secret = {name for doc in describe_settings() if doc.secret for name in doc.names}
    for name, value in facts.ship_settings.items():
        known = name in secret and not (name.endswith("DATABASE_URL") and "@" not in value)
        if value and (known or is_sensitive(name)):
            yield f"fairlead.toml sets {name} in [ship.settings]: give env:NAME or file:PATH in [ship.secrets]"


def _sources(facts: Facts) -> str:
    kinds = sorted({reference.partition(":")[0] for reference in facts.ship_secrets.values()})
    return (
        f"{len(facts.ship_secrets)} are given by reference ({', '.join(kinds)})"
        if kinds
        else "none is given by reference"
    )


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder) / name
            if name not in _LOCAL and path.is_file() and not path.is_symlink():
                yield path


def _leaks_of(path: Path, name: str, literals: Sequence[bytes]) -> Iterator[Leak]:
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError:
        return
    for what, pattern in _PATTERNS.items():
        if found := pattern.search(data):
            yield Leak(name, data.count(b"\n", 0, found.start()) + 1, what)
    for literal in literals:
        if (at := data.find(literal)) >= 0:
            yield Leak(name, data.count(b"\n", 0, at) + 1, "one of the secrets that are set here")
            return
