"""What takes and restores backups, put together from the settings."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from fairlead.clock import SystemClock
from fairlead.config import Settings, inherited, whole_environment
from fairlead.operate.backup import Archive, Original, State, Subject
from fairlead.wiring.blobs import open_blobs
from fairlead.wiring.serving_lock import take_serving_lock


def backup_subject(settings: Settings) -> Subject:
    """Raises `ConfigurationError`."""
    return Subject(
        database=_original(settings), blobs=open_blobs(settings.database, root=settings.root),
        archive=Archive(settings.root / settings.backup.dir), environment=settings.app.environment.value,
        clock=SystemClock(),
    )  # fmt: skip


def newest_verified(settings: Settings) -> tuple[str, datetime] | None:
    """Its id, and when it was taken. Raises `BackupFailed` when the folder can't be read."""
    for entry in Archive(settings.root / settings.backup.dir).list():
        if entry.state is State.VERIFIED and entry.manifest is not None:
            return entry.manifest.id, entry.manifest.made_at
    return None


def _original(settings: Settings) -> Original:
    """The library of the other database stays unloaded."""
    if not settings.database.is_sqlite:
        # Where libpq finds its certificates and what else was said to it.
        theirs = {name: value for name, value in whole_environment().items() if name.startswith("PG")}
        postgres = import_module("fairlead.operate.backup.postgres")
        return postgres.PostgresOriginal(settings.database.url, environment={**inherited(), **theirs})
    sqlite = import_module("fairlead.operate.backup.sqlite")
    path = settings.root / settings.database.sqlite_path
    return sqlite.SqliteOriginal(path, take_lock=lambda: take_serving_lock(settings))
