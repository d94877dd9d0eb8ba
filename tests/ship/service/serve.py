"""A service as users bring one: any command that listens on a port. `BEHAVIOUR` says what is wrong with it.

/stream lasts two seconds, /slow half a one; /headers tells those of the request, /seen how many requests came before.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BUILD, BEHAVIOUR = os.environ["FAIRLEAD_RELEASE"], os.environ.get("BEHAVIOUR", "")
served: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each second request on a connection waits for 40 ms

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()

    def do_GET(self) -> None:
        if BEHAVIOUR == "dies" and not self.path.startswith("/health"):
            with open(os.environ["TOLD"], "a") as told:  # noqa: PTH123
                told.write(f"{self.command} {self.path}\n")
            os._exit(1)
        if self.path == "/seen":
            self.answer(200, str(len(served)))
        elif self.path == "/headers":
            self.answer(200, json.dumps([[name.lower(), value] for name, value in self.headers.items()]))
        elif self.path == "/stream":
            self.stream()
        elif self.path.startswith("/health"):
            self.answer(503 if BEHAVIOUR == "unhealthy" else 200, "ok")
        else:
            served.append(self.path)
            if self.path == "/slow":
                time.sleep(0.5)
            self.answer(500 if BEHAVIOUR == "errors" and len(served) % 3 == 0 else 200, BUILD)

    def stream(self) -> None:
        """A piece each tenth of a second, for two seconds unless PIECES says otherwise."""
        served.append(self.path)
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in range(int(os.environ.get("PIECES", "20"))):
            piece = f"{BUILD} {number}\n".encode()
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
            time.sleep(0.1)
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


if __name__ == "__main__":
    if BEHAVIOUR == "crash":
        sys.exit("it does not start")
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
