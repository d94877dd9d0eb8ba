"""What production will not start without."""

from __future__ import annotations

from fairlead.config.settings import Settings


def missing_in_production(settings: Settings) -> list[str]:
    """Everything that is missing or wrong for production, one sentence each; empty when all is there."""
    rules = {
        "DATABASE_URL must be a postgresql:// URL": settings.database.is_sqlite,
        "RELEASE must name the build (not dev)": settings.engine.release == "dev",
        "DEBUG must be off": settings.app.debug,
        "CORS_ORIGINS must list its sites (not *)": "*" in settings.server.cors_origins,
    }
    return [sentence for sentence, broken in rules.items() if broken]
