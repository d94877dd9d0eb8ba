"""Copies of the database and of large values, proven by restoring them, and the way back.

Main path: `take` copies the database at one moment, then the blobs, writes the manifest last, and restores the copy
into scratch to see that it is whole; `restore` puts one in the place of what is there.
May import: database, config, errors, clock.
"""

from fairlead.operate.backup.archive import Archive, Entry, State
from fairlead.operate.backup.manifest import Manifest
from fairlead.operate.backup.original import Original
from fairlead.operate.backup.prune import Prunable, prunable, prune
from fairlead.operate.backup.restore import Restored, restore
from fairlead.operate.backup.subject import Subject, Tell
from fairlead.operate.backup.take import take
from fairlead.operate.backup.verify import verify

__all__ = [
    "Archive",
    "Entry",
    "Manifest",
    "Original",
    "Prunable",
    "Restored",
    "State",
    "Subject",
    "Tell",
    "prunable",
    "prune",
    "restore",
    "take",
    "verify",
]
