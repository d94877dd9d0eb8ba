"""Write the pages of the manual that list things, from the code that has them. `--check` only compares.

A page is a function from the code to text; `PAGES` says which file each one fills.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry

from fairlead import errors
from fairlead.cli import main as command_line
from fairlead.config import PROFILES, Profile, describe_settings
from fairlead.operate.monitoring import ALERTS, runbook_of
from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Made by `make docs`. Change the code, not this page. -->\n\n"

SETTINGS_INTRODUCTION = """# Settings

Given in `.env`, `.env.local` (over it), the environment (over both) or as arguments (over all).
An unknown `FAIRLEAD_` name is an error; an empty value is not given. Durations are written `15s`, `250ms`, `3 min`,
`72h`, `30 days` or as seconds, sizes `64 KB`, `1 MB` or as bytes. Instead of a secret its place may be given:
`env:NAME`, `file:PATH`, `aws:ID#KEY`; see [Keep secrets elsewhere](tasks/keep-secrets.md). `fairlead settings` shows
each value and where it came from.

## Environments

`ENVIRONMENT` selects one. The defaults in the last row hold where nothing else is given; the others say what each is
meant to have, and `fairlead doctor` says what of it is not there.

"""
PRODUCTION = """
`ENVIRONMENT=production` is refused while something is missing, and all of it is said at once, for each role
(`fairlead doctor` shows the same):

| needed | api (`serve`) | worker (`work`) | ship (`ship deploy`) |
| --- | --- | --- | --- |
| `DATABASE_URL` of PostgreSQL | yes | yes | yes |
| `FAIRLEAD_RELEASE` other than `dev` | yes | yes | |
| `DEBUG` off | yes | yes | |
| `FAIRLEAD_CORS_ORIGINS` without `*` | yes | | |
| `FAIRLEAD_OIDC_REDIRECT_URL`, where `FAIRLEAD_OIDC_ISSUER` is set | yes | | |
| the keys of the providers that its agents ask | | yes | |
| the key of `FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL`'s provider | yes | yes | |
| what `[ship.secrets]` keeps in AWS Secrets Manager | | | yes |

It serves only when there is a key in the database or the settings, or tokens are taken.

"""
METRICS_INTRODUCTION = """# Metrics

What `/metrics` of each API process and each worker tells. Each tells what it saw itself: add them up (`sum`), but for
`agent_queue_depth` and `llm_provider_healthy`, which all of them tell of the same thing (`max`). Labels are bounded:
beyond a number of values the rest is "other". `_total`, `_bucket`, `_sum` and `_count` are as Prometheus has them.

"""
ALERTS_INTRODUCTION = """# Runbooks

One for each alert of `fairlead generate monitoring`: what it means, what to do first, and when it is over.

| alert | severity | when | lives on |
| --- | --- | --- | --- |
"""
EVENTS_INTRODUCTION = """# Events

Everything Fairlead says while it works; logs, metrics and traces are made from these. In a log line `took` is written
`latency_ms`, `cost_nano` is written `cost_usd`, and `tokens` is the sum of both ways; personal data, keys and tokens
are taken out before anything is written. Logged: *always*, whatever `LOG_LEVEL` says; *by level*; or *never*: only
counted in metrics.

"""


def settings_page() -> str:
    parts: dict[str, list[str]] = {}
    for doc in describe_settings():
        others = [name for name in doc.names if name != doc.names[0]]
        also = f" Also: {', '.join(f'`{name}`' for name in others)}." if others else ""
        default = f"`{cell(doc.default)}`" if doc.default else ""
        kind = f"{doc.kind}, secret" if doc.secret and doc.kind != "secret" else doc.kind
        row = f"| `{doc.names[0]}` | {cell(kind)} | {default} | {cell(doc.description)}{also} |"
        parts.setdefault(doc.part, []).append(row)
    tables = [
        f"## {part}\n\n| name | kind | default | what it does |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
        for part, rows in parts.items()
    ]
    return SETTINGS_INTRODUCTION + environments_table() + PRODUCTION + "\n".join(tables)


def environments_table() -> str:
    """What each of the four is."""
    rows: dict[str, Callable[[Profile], str]] = {
        "models": lambda one: one.models, "database": lambda one: one.database,
        "cache and limits": lambda one: one.shared, "front": lambda one: one.front,
        "observation": lambda one: one.observation, "runs on": lambda one: one.runs_on,
        "defaults": lambda one: ", ".join(f"`{name}={value}`" for name, value in one.defaults.items()),
    }  # fmt: skip
    lines = [f"| | {' | '.join(PROFILES)} |", f"|{' --- |' * (len(PROFILES) + 1)}"]
    lines += [f"| {name} | {' | '.join(say(one) for one in PROFILES.values())} |" for name, say in rows.items()]
    return "\n".join(lines) + "\n"


def events_page() -> str:
    rows = [
        f"| `{name}` | {cell(event.when)} | {event.heard} | {', '.join(f'`{field}`' for field in event.fields)} |"
        for name, event in sorted(EVENTS.items())
    ]
    return (
        EVENTS_INTRODUCTION + "| event | when | logged | fields |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"
    )


def errors_page() -> str:
    """The tree as it is drawn at the top of `errors.py`, where a reader of the code finds it too."""
    drawing = inspect.getdoc(errors) or ""
    tree = "\n".join(line for line in drawing.splitlines() if line.startswith("    "))
    return (
        "# Errors\n\nEach error has a code for programs, a sentence for people, and says what to do.\n\n"
        f"```text\n{inspect.cleandoc(tree)}\n```\n"
    )


def example_environment() -> str:
    """`.env.example`: every setting with its default, switched off."""
    lines = ["# Made by `make docs`. Copy to .env and switch on what you need.", ""]
    for doc in describe_settings():
        lines += [f"# {' '.join(doc.description.split())} ({doc.kind})", f"# {doc.names[0]}={doc.default}", ""]
    return "\n".join(lines)


def commands_page() -> str:
    return "# Commands\n\n" + "\n".join(command_sections(typer.main.get_command(command_line), "fairlead"))


# Typer carries its own copy of click, which it does not export: we ask the commands, not their classes.
def command_sections(command: Any, path: str) -> Iterator[str]:
    context = command.context_class(command, info_name=path)
    yield f"## {path}\n\n{inspect.cleandoc(command.help or '')}\n"
    options = [record for option in command.get_params(context) if (record := option.get_help_record(context))]
    if options:
        rows = [f"| `{cell(name)}` | {cell(text)} |" for name, text in options]
        yield "| option | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            yield from command_sections(child, f"{path} {name}")


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def metrics_page() -> str:
    """As a process tells them that has seen nothing yet."""
    registry = CollectorRegistry()
    Metrics(registry)
    rows = [
        f"| `{one.name}{'_total' if one.type == 'counter' else ''}` | {one.type} | {cell(one.documentation)} |"
        for one in sorted(registry.collect(), key=lambda one: one.name)
    ]
    return METRICS_INTRODUCTION + "| metric | kind | what |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def alerts_page() -> str:
    rows = [
        f"| [{one.name}]({one.name}.md) | {one.severity.value} | {cell(one.description)} | {', '.join(one.exporters)} |"
        for one in ALERTS
    ]
    return ALERTS_INTRODUCTION + "\n".join(rows) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": lambda: NOTICE + settings_page(),
    "docs/events.md": lambda: NOTICE + events_page(),
    "docs/errors.md": lambda: NOTICE + errors_page(),
    "docs/commands.md": lambda: NOTICE + commands_page(),
    "docs/metrics.md": lambda: NOTICE + metrics_page(),
    "docs/runbooks/README.md": lambda: NOTICE + alerts_page(),
    **{f"docs/runbooks/{one.name}.md": lambda one=one: NOTICE + runbook_of(one) for one in ALERTS},
    ".env.example": example_environment,
}


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = [path for path, page in PAGES.items() if refresh(ROOT / path, page(), write=not check)]
    for path in stale:
        print(f"{path} is out of date: run `make docs`" if check else f"wrote {path}")
    return 1 if check and stale else 0


def refresh(path: Path, text: str, *, write: bool) -> bool:
    """True if the page did not say what the code says."""
    if path.exists() and path.read_text() == text:
        return False
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return True


if __name__ == "__main__":
    raise SystemExit(main())
