"""All settings of one process, frozen, with where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from fairlead.config.describe import SettingDoc, describe_settings, write_value
from fairlead.config.parts import (
    AccessSettings,
    AppSettings,
    BudgetSettings,
    ClientSettings,
    DatabaseSettings,
    EgressSettings,
    EngineSettings,
    ModelSettings,
    ServerSettings,
    SignInSettings,
    StoreSettings,
    TelemetrySettings,
    TokenSettings,
)
from fairlead.config.url import password_of


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as a person may see it: a secret is only said to be set."""

    name: str
    value: str
    origin: str  # "default", ".env", ".env.local", "environment", "argument"


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole; `wiring` hands each part its own."""

    root: Path
    app: AppSettings = field(default_factory=AppSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
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
    _environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def secret(self, name: str) -> SecretStr | None:
        """A secret that a declaration names (`api_key_env = "LOCAL_API_KEY"`), from the environment or `.env`."""
        value = self._environ.get(name)
        return SecretStr(value) if value else None

    @property
    def api_url(self) -> str:
        """Where the command line finds the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.server.host, self.server.host)
        return self.client.url or f"http://{f'[{host}]' if ':' in host else host}:{self.server.port}"

    def shown(self) -> list[ShownSetting]:
        """Every setting with its value and origin, fit for a screen."""
        return [
            ShownSetting(doc.name, self._shown(doc), self.origins.get(doc.name, "default"))
            for doc in describe_settings()
        ]

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
        yield password_of(self.database.url)
