"""Tries of a service, against a server that keeps count."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fairlead.ship.smoke import SERVICE, smoke
from fairlead.ship.verdict import Verdict


@contextmanager
def busy_at_first(asked: list[tuple[str, int]]) -> Generator[str]:
    """A service that loads what is first asked of it: all who ask meanwhile wait. It keeps who asked, and how many
    were asking then."""
    asking, loaded = list[str](), threading.Event()

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asking.append(self.path)
            asked.append((self.path, len(asking)))
            if not loaded.is_set():
                time.sleep(1.2)
            loaded.set()
            self.send_response(200)
            self.send_header("content-length", "6")
            self.end_headers()
            self.wfile.write(b"status")
            asking.remove(self.path)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def test_how_quickly_it_answers_is_tried_when_the_others_have_been_answered() -> None:
    asked: list[tuple[str, int]] = []
    with busy_at_first(asked) as url:
        whole, *each = await smoke(url)
    assert asked[-1] == ("/health/live", 1)
    assert [finding.about.partition(":")[0] for finding in each] == [one.name for one in SERVICE]
    failed = [finding.about for finding in each if finding.said.startswith("FAILED")]
    assert whole.verdict is Verdict.PASS and not any(one.startswith("response time") for one in failed)
