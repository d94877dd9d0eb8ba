"""Keys that clients of model providers are lent are not taken for keys."""

from __future__ import annotations

from pathlib import Path

from fairlead.config import lend_keys, load_settings


def test_a_client_is_lent_a_key_that_settings_do_not_see(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    lend_keys(environ)
    assert environ["OPENAI_API_KEY"] and environ["ANTHROPIC_API_KEY"]
    settings = load_settings(root=tmp_path, environ=environ)
    assert settings.models.openai_api_key is None
    assert settings.secret("ANTHROPIC_API_KEY") is None


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "sk-real", "ANTHROPIC_API_KEY": ""}
    lend_keys(environ)
    lend_keys(environ)
    assert environ["OPENAI_API_KEY"] == "sk-real" and environ["ANTHROPIC_API_KEY"]
    key = load_settings(root=tmp_path, environ=environ).models.openai_api_key
    assert key is not None and key.get_secret_value() == "sk-real"


def test_a_key_in_a_file_beside_the_project_is_not_hidden_by_one_that_was_lent(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-file\n")
    environ: dict[str, str] = {}
    lend_keys(environ)
    key = load_settings(root=tmp_path, environ=environ).models.openai_api_key
    assert key is not None and key.get_secret_value() == "sk-file"
