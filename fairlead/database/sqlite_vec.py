"""sqlite-vec, which makes and compares vectors within SQLite: loaded where it is installed.

    Python can load extensions  ──►  into each connection
    it can't, SQLite can        ──►  once for the process: SQLite loads it into every connection that is opened later

Some builds of Python (pyenv's, that of macOS) leave out what loads extensions.
"""

from __future__ import annotations

import ctypes
import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

_ENTRY = "sqlite3_vec_init"


def find() -> str | None:
    """Where the extension is, without the ending of its file; None where it is not installed."""
    try:
        vec: Any = import_module("sqlite_vec")
    except ImportError:
        return None
    return vec.loadable_path()


def make_ready() -> None:
    """Before connections are opened. What can't be done is not there afterwards: who needs it looks."""
    path = find()
    if path is None or hasattr(sqlite3.Connection, "enable_load_extension"):
        return
    try:
        # The symbols of Python's own module are those of the SQLite that it is bound to.
        register: Any = ctypes.CDLL(str(import_module("_sqlite3").__file__)).sqlite3_auto_extension
        [file] = [one for one in Path(path).parent.glob(f"{Path(path).name}.*") if one.suffix in (".so", ".dylib")]
        entry = getattr(ctypes.CDLL(str(file)), _ENTRY)
    except (OSError, AttributeError, ValueError):
        return
    register.argtypes = [ctypes.c_void_p]
    register(ctypes.cast(entry, ctypes.c_void_p))  # said twice it is one entry


def load(connection: sqlite3.Connection) -> None:
    """Into this connection, where Python can."""
    path = find()
    if path is None or not hasattr(connection, "enable_load_extension"):
        return
    connection.enable_load_extension(True)
    try:
        connection.load_extension(path)
    except sqlite3.Error:  # of another architecture, say
        return
    finally:
        connection.enable_load_extension(False)
