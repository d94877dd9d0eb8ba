from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from fairlead.config import describe_settings, load_settings


def test_no_two_settings_share_a_name() -> None:
    names = [name for doc in describe_settings() for name in doc.names]
    assert sorted(names) == sorted(set(names))


def test_every_setting_is_described() -> None:
    assert [doc.name for doc in describe_settings() if not doc.description.endswith(".")] == []


def test_every_default_reads_back_as_itself(tmp_path: Path) -> None:
    """What `.env.example` shows can be switched on without changing anything."""
    environ = {doc.names[0]: doc.default for doc in describe_settings() if doc.name != "LOG_LEVEL"}
    given, bare = load_settings(root=tmp_path, environ=environ), load_settings(root=tmp_path, environ={})
    assert [setting.value for setting in given.shown()] == [setting.value for setting in bare.shown()]


def test_the_example_environment_switched_on_is_accepted(repository: Path, tmp_path: Path) -> None:
    text = (repository / ".env.example").read_text()
    settings = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# FAIRLEAD_")]
    (tmp_path / ".env").write_text("\n".join(settings))
    assert len(dotenv_values(tmp_path / ".env")) == len(describe_settings())
    load_settings(root=tmp_path, environ={})
