from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fairlead.config import DatabaseSettings, Environment, LogLevel, Role, load_settings
from fairlead.errors import ConfigurationError, UnknownSetting

PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://u:p@db/fairlead",
    "API_KEY_WHITELIST": "key-one-of-two, key-two-of-two",
    "FAIRLEAD_RELEASE": "2026-11-22.1",
}


def test_an_empty_project_gets_the_documented_defaults(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path, environ={})
    assert settings.app.environment is Environment.DEVELOPMENT
    assert (settings.engine.worker_concurrency, settings.engine.max_concurrent_agents) == (5, 10)
    assert (settings.engine.lease, settings.engine.renew_every) == (timedelta(seconds=15), timedelta(seconds=5))
    assert (settings.server.host, settings.server.port, settings.server.worker_port) == ("127.0.0.1", 8000, 9000)
    assert (settings.database.pool_size, settings.database.pool_idle) == (50, 10)
    assert settings.database.sqlite_path == tmp_path / ".fairlead" / "fairlead.db"
    assert settings.database.blob_dir == tmp_path / ".fairlead" / "blobs"


def test_env_local_wins_over_env_and_the_environment_over_both_and_arguments_over_all(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FAIRLEAD_PORT=1\nWORKER_CONCURRENCY=1\nFAIRLEAD_QUEUE_LIMIT=1\nFAIRLEAD_LEASE=60\n")
    (tmp_path / ".env.local").write_text("FAIRLEAD_PORT=2\nWORKER_CONCURRENCY=2\nFAIRLEAD_QUEUE_LIMIT=2\n")
    environ = {"FAIRLEAD_PORT": "3", "WORKER_CONCURRENCY": "3"}
    settings = load_settings(root=tmp_path, environ=environ, port=4)
    assert settings.engine.lease == timedelta(minutes=1)
    assert (settings.engine.queue_limit, settings.engine.worker_concurrency, settings.server.port) == (2, 3, 4)
    origins = {shown.name: shown.origin for shown in settings.shown()}
    assert origins["LEASE"] == ".env"
    assert origins["QUEUE_LIMIT"] == ".env.local"
    assert origins["WORKER_CONCURRENCY"] == "environment"
    assert origins["PORT"] == "argument"
    assert origins["HOST"] == "default"


def test_the_prefixed_name_wins_over_the_well_known_one(tmp_path: Path) -> None:
    environ = {"WORKER_CONCURRENCY": "1", "FAIRLEAD_WORKER_CONCURRENCY": "2", "PROMETHEUS_METRICS_PORT": "9100"}
    settings = load_settings(root=tmp_path, environ=environ)
    assert settings.engine.worker_concurrency == 2
    assert settings.server.worker_port == 9100


def test_a_name_that_is_well_known_to_others_is_not_ours_without_the_prefix(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path, environ={"PORT": "1", "HOST": "0.0.0.0", "LEASE": "1 h"})
    assert (settings.server.port, settings.server.host) == (8000, "127.0.0.1")


def test_an_empty_value_is_not_given(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=\nFAIRLEAD_PORT=7\n")
    settings = load_settings(root=tmp_path, environ={"FAIRLEAD_PORT": "", "LOG_LEVEL": ""}, host=None)
    assert settings.server.port == 7
    assert settings.models.openai_api_key is None


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, LogLevel.DEBUG),
        ({"ENVIRONMENT": "staging"}, LogLevel.WARNING),
        (PRODUCTION, LogLevel.ERROR),
        ({**PRODUCTION, "LOG_LEVEL": "info"}, LogLevel.INFO),
    ],
)
def test_the_environment_chooses_the_log_level_unless_one_is_given(
    tmp_path: Path, environ: dict[str, str], level: LogLevel
) -> None:
    assert load_settings(root=tmp_path, environ=environ).telemetry.log_level is level


@pytest.mark.parametrize("where", ["environment", ".env", ".env.local"])
def test_an_unknown_prefixed_name_is_refused_with_the_nearest_known_one(tmp_path: Path, where: str) -> None:
    environ = {"FAIRLEAD_WORKER_CONCURENCY": "3"}
    if where != "environment":
        (tmp_path / where).write_text("FAIRLEAD_WORKER_CONCURENCY=3\n")
        environ = {}
    with pytest.raises(UnknownSetting) as caught:
        load_settings(root=tmp_path, environ=environ)
    assert "FAIRLEAD_WORKER_CONCURENCY" in caught.value.message
    assert where in caught.value.message
    assert "FAIRLEAD_WORKER_CONCURRENCY" in caught.value.hint


def test_an_unknown_name_is_refused_even_without_a_value(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="FAIRLEAD_LEESE"):
        load_settings(root=tmp_path, environ={"FAIRLEAD_LEESE": ""})


def test_a_line_of_an_env_file_that_says_nothing_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FAIRLEAD_PORT=1\n=hunter2 oops\n")
    with pytest.raises(ConfigurationError, match=r"\.env, line 2") as caught:
        load_settings(root=tmp_path, environ={})
    assert "hunter2" not in str(caught.value)


def test_an_env_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_bytes(b"A=\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"\.env\.local cannot be read"):
        load_settings(root=tmp_path, environ={})


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="prot"):
        load_settings(root=tmp_path, environ={}, prot=1)


def test_what_kubernetes_says_of_a_service_called_fairlead_is_not_a_setting(tmp_path: Path) -> None:
    environ = {
        "FAIRLEAD_PORT": "tcp://10.0.0.1:8000",
        "FAIRLEAD_SERVICE_HOST": "10.0.0.1",
        "FAIRLEAD_SERVICE_PORT": "8000",
        "FAIRLEAD_SERVICE_PORT_HTTP": "8000",
        "FAIRLEAD_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "FAIRLEAD_PORT_8000_TCP_ADDR": "10.0.0.1",
        "FAIRLEAD_WORKER_PORT": "tcp://10.0.0.2:9000",
    }
    settings = load_settings(root=tmp_path, environ=environ)
    assert (settings.server.port, settings.server.worker_port) == (8000, 9000)


def test_all_wrong_values_are_named_at_once_and_none_is_repeated(tmp_path: Path) -> None:
    environ = {
        "FAIRLEAD_PORT": "eighty",
        "FAIRLEAD_LEASE": "a while",
        "DATABASE_URL": "mysql://root:hunter2@db/x",
        "ENVIRONMENT": "prod",
    }
    with pytest.raises(ConfigurationError) as caught:
        load_settings(root=tmp_path, environ=environ)
    message = str(caught.value)
    assert all(name in message for name in ("PORT", "LEASE", "DATABASE_URL", "ENVIRONMENT", "production"))
    assert not any(value in message for value in ("eighty", "hunter2", "a while"))


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "0x10", "true", "1e3", "9" * 400])
def test_a_duration_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="LEASE"):
        load_settings(root=tmp_path, environ={"FAIRLEAD_LEASE": value})


def test_a_lease_that_one_late_renewal_would_lose_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="RENEW_EVERY"):
        load_settings(root=tmp_path, environ={}, lease="6 s", renew_every="5 s")


def test_production_says_everything_that_is_missing_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(root=tmp_path, environ={"ENVIRONMENT": "production", "DEBUG": "true"}, needed_by=(Role.API,))
    for name in ("DATABASE_URL", "RELEASE", "DEBUG"):
        assert name in caught.value.message


def test_production_starts_when_all_is_there(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path, environ=PRODUCTION)
    assert [key.get_secret_value() for key in settings.access.api_keys] == ["key-one-of-two", "key-two-of-two"]


def test_a_json_secret_becomes_the_database_url(tmp_path: Path) -> None:
    secret = '{"username": "app", "password": "p@ss/w:rd", "host": "db.local", "port": 6432, "database": "agents"}'
    settings = load_settings(root=tmp_path, environ={"DATABASE_URL": secret})
    assert settings.database.url == "postgresql://app:p%40ss%2Fw%3Ard@db.local:6432/agents"


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-a-file\n")
    settings = load_settings(root=tmp_path, environ={"OPENAI_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.models.openai_api_key is not None
    assert settings.models.openai_api_key.get_secret_value() == "sk-from-a-file"


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY_FILE"):
        load_settings(root=tmp_path, environ={"OPENAI_API_KEY_FILE": str(tmp_path / "none")})


def test_a_dollar_in_a_password_is_a_dollar(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FAIRLEAD_API_KEY='a${HOME}b'\n")
    key = load_settings(root=tmp_path, environ={"HOME": "/root"}).client.api_key
    assert key is not None
    assert key.get_secret_value() == "a${HOME}b"


def test_no_secret_shows_in_repr_or_on_screen(tmp_path: Path) -> None:
    environ = {**PRODUCTION, "OPENAI_API_KEY": "sk-very-secret", "DATABASE_URL": "postgresql://u:hunter22@db/x"}
    settings = load_settings(root=tmp_path, environ=environ)
    seen = f"{settings!r} {settings} {settings.database!r} {settings.shown()}"
    assert not any(secret in seen for secret in ("hunter22", "sk-very-secret", "key-one-of-two"))
    assert set(settings.secret_values()) == {"hunter22", "sk-very-secret", "key-one-of-two", "key-two-of-two"}


def test_a_declared_secret_is_found_by_its_name_in_the_environment_or_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOCAL_API_KEY=from-file\n")
    settings = load_settings(root=tmp_path, environ={"OTHER_KEY": "from-environ"})
    found = [settings.secret(name) for name in ("LOCAL_API_KEY", "OTHER_KEY", "NO_KEY")]
    assert [secret and secret.get_secret_value() for secret in found] == ["from-file", "from-environ", None]


def test_a_part_made_by_hand_does_not_repeat_a_wrong_value() -> None:
    with pytest.raises(ValueError, match="url") as caught:
        DatabaseSettings(url="mysql://u:hunter2@db")
    assert "hunter2" not in str(caught.value)


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path, environ={})
    with pytest.raises(Exception, match="frozen"):
        settings.engine.queue_limit = 1


def test_the_price_ceiling_is_nano_dollars_per_token(tmp_path: Path) -> None:
    settings = load_settings(root=tmp_path, environ={"FAIRLEAD_UNKNOWN_PRICE_USD": "15"})
    assert settings.models.unknown_price_usd == Decimal(15)


def test_the_api_is_found_where_it_listens(tmp_path: Path) -> None:
    assert load_settings(root=tmp_path, environ={}).api_url == "http://127.0.0.1:8000"
    assert load_settings(root=tmp_path, environ={}, host="0.0.0.0", port=81).api_url == "http://127.0.0.1:81"
    assert load_settings(root=tmp_path, environ={"FAIRLEAD_URL": "https://x.example"}).api_url == "https://x.example"


def test_an_absolute_sqlite_path_stays_and_odd_names_survive(tmp_path: Path) -> None:
    absolute = load_settings(root=tmp_path, environ={"DATABASE_URL": "sqlite:////var/lib/f.db"})
    assert absolute.database.sqlite_path == Path("/var/lib/f.db")
    odd = tmp_path / "a b #1 é"
    odd.mkdir()
    assert load_settings(root=odd, environ={}).database.sqlite_path == odd / ".fairlead" / "fairlead.db"


def test_any_secret_may_be_kept_elsewhere_and_its_place_is_shown(tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text("j" * 40)
    (tmp_path / ".env").write_text("FAIRLEAD_API_KEY=env:KEPT\nDATABASE_URL=file:url\n")
    (tmp_path / "url").write_text("postgres://u:hunter22@db/x\n")
    environ = {"KEPT": "key-of-the-cli", "JWT_SECRET": f"file:jwt,{'k' * 40}", "OPENAI_API_KEY_FILE": "jwt"}
    settings = load_settings(root=tmp_path, environ=environ)
    assert settings.database.url == settings.live("DATABASE_URL").value == "postgresql://u:hunter22@db/x"
    assert settings.client.api_key is not None and settings.client.api_key.get_secret_value() == "key-of-the-cli"
    assert [one.get_secret_value() for one in settings.tokens.secrets] == ["j" * 40, "k" * 40]
    shown = {one.name: one for one in settings.shown()}
    assert shown["API_KEY"].origin == ".env: env:KEPT"
    assert shown["JWT_SECRET"].origin == "environment: file:jwt"
    assert shown["OPENAI_API_KEY"].origin == "environment (OPENAI_API_KEY_FILE): file:jwt"
    assert {"hunter22", "key-of-the-cli", "j" * 40, "k" * 40} <= set(settings.vault.words)


def test_all_secrets_that_can_not_be_had_are_named_at_once(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": "env:NOBODY", "OPENAI_API_KEY": "file:none", "REDIS_URL": "aws: oops"}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(root=tmp_path, environ=environ)
    for said in ("DATABASE_URL, given by environment", "NOBODY is not set", "OPENAI_API_KEY", "none", "REDIS_URL"):
        assert said in caught.value.message


def test_what_opens_a_manager_is_not_kept_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be kept in it"):
        load_settings(root=tmp_path, environ={"AWS_SECRET_ACCESS_KEY": "aws:own"})


def test_a_declared_secret_may_be_kept_elsewhere_and_a_setting_has_all_its_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file")
    environ = {"LOCAL_KEY": "file:key", "OTHER_KEY": "file:none", "FAIRLEAD_OPENAI_API_KEY": "prefixed"}
    settings = load_settings(root=tmp_path, environ=environ)
    assert (settings.live("LOCAL_KEY").value, settings.live("OPENAI_API_KEY").value) == ("from a file", "prefixed")
    assert "from a file" in settings.vault.words
    with pytest.raises(ConfigurationError, match="OTHER_KEY: the file none"):
        settings.live("OTHER_KEY")


def test_a_later_value_that_the_setting_would_refuse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:one@db/x")
    settings = load_settings(root=tmp_path, environ={"DATABASE_URL": "file:url"})
    assert settings.vault.any
    with pytest.raises(ValueError, match="can't be used as DATABASE_URL"):
        _ = settings.vault._held["DATABASE_URL"].check("mysql://canary")  # pyright: ignore[reportPrivateUsage]
