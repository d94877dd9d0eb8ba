"""All settings: typed, read once, frozen.

Main path: `load_settings` merges `.env`, `.env.local`, the environment and arguments (`load.py`) into the
parts of `parts.py`, and hands each part of the product only its own. Nothing else reads the environment.
May import: errors, clock.
"""

from fairlead.config.describe import SET, SettingDoc, describe_settings
from fairlead.config.environments import PROFILES, Profile, not_as_meant
from fairlead.config.inherited import inherited as inherited
from fairlead.config.inherited import whole_environment as whole_environment
from fairlead.config.lent_keys import lend_keys
from fairlead.config.load import load_settings
from fairlead.config.parts import (
    AccessSettings,
    AppSettings,
    BackupSettings,
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
from fairlead.config.required import Role, missing_in_production, refuse_incomplete
from fairlead.config.secrets import Finder, Secret, Secrets, finder_of
from fairlead.config.settings import Settings, ShownSetting

__all__ = [
    "PROFILES",
    "SET",
    "AccessSettings",
    "AppSettings",
    "BackupSettings",
    "BudgetSettings",
    "CacheKind",
    "ClientSettings",
    "DatabaseSettings",
    "DefaultRole",
    "EngineSettings",
    "Environment",
    "Finder",
    "LogFormat",
    "LogLevel",
    "ModelSettings",
    "Profile",
    "Role",
    "Secret",
    "Secrets",
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
    "finder_of",
    "lend_keys",
    "load_settings",
    "missing_in_production",
    "not_as_meant",
    "refuse_incomplete",
]
