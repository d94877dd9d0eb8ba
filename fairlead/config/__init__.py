"""All settings: typed, read once, frozen.

Main path: `load_settings` merges `.env`, `.env.local`, the environment and arguments (`load.py`) into the
parts of `parts.py`, and hands each part of the product only its own. Nothing else reads the environment.
May import: errors, clock.
"""

from fairlead.config.describe import SettingDoc, describe_settings
from fairlead.config.inherited import inherited as inherited
from fairlead.config.lent_keys import lend_keys
from fairlead.config.load import load_settings
from fairlead.config.parts import (
    AccessSettings,
    AppSettings,
    BudgetSettings,
    CacheKind,
    ClientSettings,
    DatabaseSettings,
    DefaultRole,
    EngineSettings,
    Environment,
    LogFormat,
    LogLevel,
    ModelSettings,
    ServerSettings,
    SignInSettings,
    StoreSettings,
    TelemetrySettings,
    TokenSettings,
    Ungoverned,
    UnknownPrice,
)
from fairlead.config.settings import Settings, ShownSetting

__all__ = [
    "AccessSettings",
    "AppSettings",
    "BudgetSettings",
    "CacheKind",
    "ClientSettings",
    "DatabaseSettings",
    "DefaultRole",
    "EngineSettings",
    "Environment",
    "LogFormat",
    "LogLevel",
    "ModelSettings",
    "ServerSettings",
    "SettingDoc",
    "Settings",
    "ShownSetting",
    "SignInSettings",
    "StoreSettings",
    "TelemetrySettings",
    "TokenSettings",
    "Ungoverned",
    "UnknownPrice",
    "describe_settings",
    "lend_keys",
    "load_settings",
]
