"""Canaries through every way in: none is found in anything that Fairlead writes, says or answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fairlead.cli.client import Client
from tests.cli.processes import fairlead, running
from tests.secret_manager import secret_manager
from tests.servers import free_port

CANARIES = {
    place: f"canary-{place}-5b1f9e" for place in ("variable", "file", "dotenv", "manager", "password", "listed")
}
DECLARED = """\
[project]
name = "birds"
[agents]
bird = "bird.py:agent"
[providers.{name}]
kind = "openai"
base_url = "{url}/v1"
api_key_env = "{name}_KEY"
"""
AGENT = """\
from fairlead import Agent
agent = Agent(name="bird", model="{name}/m", instructions="Sing.")
"""


class Parrot(BaseHTTPRequestHandler):
    """Refuses every key, and repeats it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = f'{{"error": {{"message": "no: {self.headers["authorization"]}"}}}}'.encode()
        self.send_response(401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def parrot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("place", ["variable", "file", "dotenv", "manager"])
def test_no_canary_is_written_anywhere(tmp_path: Path, place: str) -> None:
    kept, project = tmp_path / "kept", tmp_path / "project"
    kept.mkdir()
    project.mkdir()
    (kept / "file").write_text(CANARIES["file"])
    (kept / "keys").write_text(CANARIES["listed"])
    with parrot() as url, secret_manager() as manager:
        manager.put(
            "prod", {"key": CANARIES["manager"], "url": f"redis://:{CANARIES['password']}@127.0.0.1:{free_port()}"}
        )
        references = {"variable": "env:PLANTED", "file": f"file:{kept}/file", "manager": "aws:prod#key"}
        (project / "fairlead.toml").write_text(DECLARED.format(name="local", url=url))
        (project / "bird.py").write_text(AGENT.format(name="local"))
        given = {
            **manager.environ, "PLANTED": CANARIES["variable"], "FAIRLEAD_LOG_LEVEL": "DEBUG", "FAIRLEAD_DEBUG": "true",
            "FAIRLEAD_API_KEY_WHITELIST": f"file:{kept}/keys", "FAIRLEAD_REDIS_URL": "aws:prod#url",
            "FAIRLEAD_AI_SERVICE_RETRY_COUNT": "0",
        }  # fmt: skip
        planted = project / ".env.local"
        planted.write_text(f"local_KEY={CANARIES['dotenv'] if place == 'dotenv' else references[place]}\n")
        seen: list[str] = []
        with running(project, "serve", "--port", "0", **given) as serve:
            client = Client(serve.until("listening")["url"], key=CANARIES["listed"])
            seen.append(str(client.post("/runs/wait", {"assistant_id": "bird", "input": {"task": "sing"}})))
            for words in (("settings",), ("settings", "--json"), ("doctor",), ("runs", "list", "--json"), ("audit",)):
                done = fairlead(project, *words, **given)
                seen += [done.out, done.err]
            seen.append(str(serve.said))
        wrong = fairlead(project, "serve", **{**given, "FAIRLEAD_REDIS_URL": "aws:prod#none", "PLANTED": ""})
        seen += [wrong.out, wrong.err]
    assert "aws:prod#url" in "".join(seen)
    assert "401" in "".join(seen) or "401" in (project / "stderr.log").read_text()
    written = {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path != planted}
    assert any(path.name == "fairlead.db" for path in written)
    for name, canary in CANARIES.items():
        assert [path for path, data in written.items() if canary.encode() in data] == [], name
        assert canary not in "".join(seen), name
