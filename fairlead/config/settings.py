"""All settings of one process, frozen, with where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from fairlead.config.describe import SettingDoc, describe_settings, write_value
from fairlead.config.parts import (
    AccessSettings,
    AppSettings,
    BackupSettings,
    BudgetSettings,
    ClientSettings,
    DatabaseSettings,
    EgressSettings,
    EngineSettings,
    Environment,
    ModelSettings,
    SecretSettings,
    ServerSettings,
    SignInSettings,
    StoreSettings,
    TelemetrySettings,
    TokenSettings,
)
from fairlead.config.secrets import Secret, Secrets, finder_of
from fairlead.config.secrets.reference import parse_reference
from fairlead.config.url import passwords_of
from fairlead.errors import FairleadError


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as a person may see it: a secret is only said to be set."""

    name: str
    value: str
    origin: str
    """ "default", "staging default", ".env", ".env.local", "environment", "argument"; of a secret kept elsewhere
    also where: "environment: aws:prod/fairlead#key"."""
    given: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole; `wiring` hands each part its own."""

    root: Path
    app: AppSettings = field(default_factory=AppSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    backup: BackupSettings = field(default_factory=BackupSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    tokens: TokenSettings = field(default_factory=TokenSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    budgets: BudgetSettings = field(default_factory=BudgetSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    client: ClientSettings = field(default_factory=ClientSettings)
    origins: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Of what was given."""
    defaults: frozenset[str] = frozenset()
    """Those that are the environment's own defaults."""
    vault: Secrets = field(default_factory=lambda: Secrets(finder_of({}, root=Path())), repr=False)
    _environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def live(self, name: str) -> Secret:
        """The secret that a setting is, or that a declaration names (`api_key_env = "LOCAL_API_KEY"`), from the
        environment or `.env`, or from where a reference there says. Raises `ConfigurationError`, `SecretUnavailable`.
        """
        if held := self.vault.get(_setting_of(name)):
            return held
        value = self._environ.get(name)
        if not value:
            return Secret("")
        try:
            held = self.vault.hold(name, [parse_reference(value) or value])
        except FairleadError as error:
            raise type(error)(f"{name}: {error.message}", hint=error.hint) from error
        self.vault.keep_quiet(held.value)
        return held

    def secret(self, name: str) -> SecretStr | None:
        """The same, as it is now."""
        value = self.live(name).value
        return SecretStr(value) if value else None

    @property
    def works_by_itself(self) -> bool:
        """Whether a server runs agents too when nobody says: a SQLite file has one process, and production none."""
        return self.database.is_sqlite and self.app.environment is not Environment.PRODUCTION

    @property
    def api_url(self) -> str:
        """Where the command line finds the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.server.host, self.server.host)
        return self.client.url or f"http://{f'[{host}]' if ':' in host else host}:{self.server.port}"

    def shown(self) -> list[ShownSetting]:
        """Every setting with its value and origin, fit for a screen."""
        return [
            ShownSetting(doc.name, self._shown(doc), self._origin(doc.name), doc.name in self.origins)
            for doc in describe_settings()
        ]

    def _origin(self, name: str) -> str:
        own = f"{self.app.environment.value} default" if name in self.defaults else "default"
        return self.origins.get(name, own)

    def _shown(self, doc: SettingDoc) -> str:
        if doc.name == "DATABASE_URL":
            return self.database.shown_url
        return write_value(getattr(getattr(self, doc.part), doc.field), secret=doc.secret)

    def secret_values(self) -> tuple[str, ...]:
        """Every secret we hold, so that logs can strike them out wherever they turn up."""
        return tuple({value for value in self._secrets() if len(value) >= 6})

    def _secrets(self) -> Iterator[str]:
        for doc in describe_settings():
            value: Any = getattr(getattr(self, doc.part), doc.field)
            items = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
            yield from (item.get_secret_value() for item in items if isinstance(item, SecretStr))
            yield from (word for item in items if isinstance(item, SecretStr)
                        for word in passwords_of(item.get_secret_value()))  # fmt: skip
        yield from passwords_of(self.database.url)


@cache
def _settings_by_name() -> dict[str, str]:
    return {name: doc.name for doc in describe_settings() for name in doc.names}


def _setting_of(name: str) -> str:
    return _settings_by_name().get(name, name)
