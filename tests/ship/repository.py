"""A real git repository with a project in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

PYPROJECT = """\
# version = "1.2.3" is what we are at
[project]
name = "shop"
version   =   "1.2.3"   # raised by hand until now
dependencies = ["other==1.2.3"]

[tool.other]
version = "1.2.3"
"""
CHANGELOG = """\
# Changelog

All notable changes.

## [Unreleased]

### Added

- Orders can be cancelled.

### Fixed

- The total is right.

## [1.2.3] - 2026-10-01

### Added

- Orders.

[Unreleased]: https://git.example.com/shop/compare/v1.2.3...HEAD
[1.2.3]: https://git.example.com/shop/releases/tag/v1.2.3
"""


def git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=Mina", "-c", "user.email=mina@example.com")
    return subprocess.run(
        ("git", *named, *words), cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip


def make_repository(folder: Path, *, pyproject: str = PYPROJECT, changelog: str = CHANGELOG) -> Path:
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name, value in (("user.name", "Mina"), ("user.email", "mina@example.com"), ("commit.gpgsign", "false")):
        git(folder, "config", name, value)
    (folder / "pyproject.toml").write_bytes(pyproject.encode())
    (folder / "CHANGELOG.md").write_bytes(changelog.encode())
    commit(folder, "Begin")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)
