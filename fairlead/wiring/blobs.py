"""Where large values go: a folder, or a bucket."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from fairlead.config import DatabaseSettings
from fairlead.database import Blobs, FolderBlobs
from fairlead.errors import ConfigurationError


def open_blobs(settings: DatabaseSettings, *, root: Path) -> Blobs:
    """Raises `ConfigurationError` when the library of the bucket is not there."""
    if settings.s3_bucket is None:
        return FolderBlobs(root / settings.blob_dir)
    try:
        s3 = import_module("fairlead.database.blobs_s3").S3Blobs
    except ImportError as error:
        raise ConfigurationError("AWS_S3_BUCKET is set and obstore is not installed.",
                                 hint="Install it: pip install 'fairlead[s3]'.") from error  # fmt: skip
    given = {"endpoint": settings.s3_endpoint, "region": settings.s3_region}
    secrets = {"access_key_id": settings.s3_key_id, "secret_access_key": settings.s3_key, "token": settings.s3_token}
    config = {name: value for name, value in given.items() if value}
    config |= {name: value.get_secret_value() for name, value in secrets.items() if value}
    return s3(settings.s3_bucket, prefix=settings.s3_prefix, config=config)
