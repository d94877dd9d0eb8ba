"""Options that several commands take."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Annotated

import typer

Host = Annotated[
    str | None, typer.Option(help="Address to listen on. Beyond this machine a key is required.", show_default=False)
]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.", show_default=False)]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True, help="End when stdin does.")]


def end_with_parent() -> None:
    """Whoever started us holds the other end of our stdin, and may be killed: then we are told to stop, too."""

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
