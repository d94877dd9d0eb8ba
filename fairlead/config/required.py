"""What production will not start without, for each role a process can have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from fairlead.config.parts import Environment
from fairlead.config.settings import Settings
from fairlead.errors import ConfigurationError


class Role(StrEnum):
    API = "api"  # fairlead serve
    WORKER = "worker"  # fairlead work, and serve --worker
    SHIP = "ship"  # fairlead ship deploy


_SERVING = frozenset({Role.API, Role.WORKER})
_ALL = frozenset(Role)


def missing_in_production(settings: Settings, *roles: Role) -> list[str]:
    """Everything that is missing or wrong for these roles, one sentence each; empty when all is there. Without a role:
    what every command needs that opens the database."""
    sign_in = settings.sign_in
    rules: Sequence[tuple[str, frozenset[Role], bool]] = (
        ("DATABASE_URL must be a postgresql:// URL", _ALL, settings.database.is_sqlite),
        ("RELEASE must name the build (not dev)", _SERVING, settings.engine.release == "dev"),
        ("DEBUG must be off", _SERVING, settings.app.debug),
        ("CORS_ORIGINS must list its sites (not *)", frozenset({Role.API}), "*" in settings.server.cors_origins),
        ("OIDC_REDIRECT_URL must be set beside OIDC_ISSUER: a proxy ends TLS", frozenset({Role.API}),
         sign_in.issuer is not None and sign_in.redirect_url is None),
    )  # fmt: skip
    return [sentence for sentence, of, broken in rules if broken and (of >= _ALL or of & set(roles))]


def refuse_incomplete(settings: Settings, *roles: Role, more: Iterable[str] = ()) -> None:
    """Raises `ConfigurationError` in production, with everything that is missing for these roles."""
    if settings.app.environment is not Environment.PRODUCTION:
        return
    if missing := [*missing_in_production(settings, *roles), *more]:
        of = f" ({', '.join(role.value for role in roles)})" if roles else ""
        raise ConfigurationError(
            f"Production needs more than it was given{of}: " + "; ".join(missing) + ".",
            hint="Set them in the environment, or choose another ENVIRONMENT. `fairlead doctor` shows what each role "
            "lacks.",
        )
