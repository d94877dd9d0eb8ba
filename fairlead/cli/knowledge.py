"""`fairlead knowledge …`: documents that agents look things up in."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from fairlead.cli.client import Client, part
from fairlead.cli.exits import Exit
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, safe, say, say_json
from fairlead.errors import InvalidInput
from fairlead.store.document import Mode
from fairlead.store.reading import BY_ENDING

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Documents that agents look things up in.")
_AT_A_TIME = 5  # documents, before progress is shown
Collection = Annotated[str, typer.Option("--collection", "-c", help="The collection.")]


@app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="DIR|FILE…", help="Text, Markdown, HTML, JSON, CSV, PDF.")],
    collection: Collection,
    prune: Annotated[bool, typer.Option("--prune", help="Remove documents that are not among these.")] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Add documents, or replace those that have changed; the others are not sent."""
    with reach() as reached:
        client = reached.client
        known = {one["id"]: one["digest"] for one in _documents(client, collection)}
        told = {"added": 0, "changed": 0, "unchanged": 0, "removed": 0}
        seen: set[str] = set()
        for name, path in _files(paths):
            seen.add(name)
            told[_add(client, collection, name, path, known)] += 1
        for name in sorted(set(known) - seen) if prune else ():
            client.delete(f"/knowledge/{part(collection)}/documents", id=name)
            told["removed"] += 1
    if json:
        say_json(told)
    else:
        say(", ".join(f"{count} {what}" for what, count in told.items() if count) or "Nothing to add.")


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words, or a question.")],
    collection: Collection,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = 5,
    mode: Annotated[Mode, typer.Option("--mode", help="By words and vectors, or by one of them.")] = Mode.HYBRID,
    json: AsJson = False,
) -> None:  # fmt: skip
    """What an agent would find."""
    body = {"query": query, "limit": limit, "mode": mode.value}
    with reach() as reached:
        searched = reached.client.post(f"/knowledge/{part(collection)}/search", body)
    if json:
        say_json(searched)
        return
    if searched["degraded"]:
        say(f"By words only: {safe(searched['degraded'])}", "yellow")
    for one in searched["found"]:
        heading = f" # {one['heading']}" if one["heading"] else ""
        say(f"{safe(one['document'])}:{one['start']}-{one['stop']}{safe(heading)}  {one['score']:.3g}", "bold")
        say(safe(one["text"]))
    if not searched["found"]:
        say("Nothing found.")


@app.command()
def embed(
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Not given: all of them.")] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Make the vectors of documents that have none of the model in force, now and not when a worker comes to it."""
    told: list[dict[str, Any]] = []
    with reach() as reached:
        names = [one["name"] for one in reached.client.get("/knowledge")] if collection is None else [collection]
        for name in names:
            told.append({"collection": name, **_embed(reached.client, name, show=not json)})
    if json:
        say_json(told)
    elif not told:
        say("No documents.")
    if any(one["problem"] for one in told):
        raise typer.Exit(Exit.FAILED)


@app.command("list")
def list_documents(
    collection: Annotated[str | None, typer.Option("--collection", "-c", help="Not given: all of them.")] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Collections, or the documents of one."""
    with reach() as reached:
        found = reached.client.get("/knowledge") if collection is None else _documents(reached.client, collection)
    if json:
        say_json(found)
        return
    for one in found:
        what = f"{one['documents']} documents, " if collection is None else ""
        waits = _waits(one)
        say(f"{safe(one['name'] if collection is None else one['id'])}  {what}{one['chunks']} pieces{waits}")
    if not found:
        say("No documents. Add some: fairlead knowledge add DIR --collection NAME")


@app.command()
def remove(
    collection: Collection,
    document: Annotated[str | None, typer.Argument(help="Its id. Without: the whole collection.")] = None,
) -> None:
    """Remove a document, or a whole collection."""
    with reach() as reached:
        if document is not None:
            reached.client.delete(f"/knowledge/{part(collection)}/documents", id=document)
            say(f"Removed {safe(document)}.")
        else:
            said = reached.client.delete(f"/knowledge/{part(collection)}")
            say(f"Removed {said['documents']} documents.")


def _embed(client: Client, collection: str, *, show: bool) -> dict[str, Any]:
    """Until none waits, none can be done, or those that wait are in other hands; what came of it, in all."""
    embedded = 0
    while True:
        step = client.post(f"/knowledge/{part(collection)}/embed", {"documents": _AT_A_TIME})
        embedded += step["embedded"]
        if show:
            waits = f", {step['waiting']} waiting" if step["waiting"] else ""
            say(f"{safe(collection)}: {embedded} embedded with {safe(step['model'])}{waits}")
        if step["problem"] or not step["waiting"] or not step["embedded"]:
            break
    if show and step["problem"]:
        say(safe(step["problem"]), "red")
    return {**step, "embedded": embedded}


def _add(client: Client, collection: str, name: str, path: Path, known: dict[str, str]) -> str:
    try:
        digest = sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.") from error
    if known.get(name) == digest:
        return "unchanged"
    file = client.upload(path)
    body = {"id": name, "file_id": file["id"], "media_type": BY_ENDING.get(path.suffix.lower(), "text/plain")}
    try:
        return client.post(f"/knowledge/{part(collection)}/documents", body)["put"]
    finally:
        client.delete(f"/files/{part(file['id'])}")


def _waits(one: dict[str, Any]) -> str:
    """What there is to say of the vectors of a document or a collection."""
    if one.get("waiting"):
        return f", {one['waiting']} waiting for vectors"
    if one.get("vectors") != "waiting":
        return ""
    return f", waiting for vectors{': ' + safe(one['problem']) if one['problem'] else ''}"


def _files(paths: list[Path]) -> Iterator[tuple[str, Path]]:
    """Documents by name: of a folder those of kinds that are read, by their path within it."""
    for path in paths:
        if path.is_dir():
            for one in sorted(path.rglob("*")):
                inside = one.relative_to(path)
                if one.is_file() and one.suffix.lower() in BY_ENDING and not any(p[0] == "." for p in inside.parts):
                    yield inside.as_posix(), one
        elif path.is_file():
            yield path.name, path
        else:
            raise InvalidInput(f"There is no file or folder {path}.")


def _documents(client: Client, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := client.get(
        f"/knowledge/{part(collection)}/documents", after=found[-1]["id"] if found else "", limit=1000
    ):
        found += page
    return found
