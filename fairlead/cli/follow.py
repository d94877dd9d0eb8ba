"""Watch one run until it has ended or needs a person."""

from __future__ import annotations

from typing import Any

from fairlead.cli.client import Client, part
from fairlead.cli.following import Follower, events_of
from fairlead.cli.say import err, say_json


def follow(client: Client, run_id: str, *, quiet: bool = False, raw: bool = False, after: int = 0) -> dict[str, Any]:
    """The run as it then is. `quiet`: nothing is shown; `raw`: each stored event as a line of JSON."""
    if quiet or raw:
        for event in events_of(client, run_id, after=after):
            if raw and not isinstance(event, str):
                say_json(event)
        return client.get(f"/runs/{part(run_id)}")
    with Follower(err) as follower:
        for event in events_of(client, run_id, after=after):
            if isinstance(event, str):
                follower.say_more(event)
            else:
                follower.hear(event)
    return client.get(f"/runs/{part(run_id)}")
