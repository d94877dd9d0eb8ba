"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Host = Annotated[
    str | None, typer.Option(help="Address to listen on. Beyond this machine a key is required.", show_default=False)
]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.", show_default=False)]
