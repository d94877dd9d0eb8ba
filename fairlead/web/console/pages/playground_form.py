"""What the playground asks: who is to answer (or which two), the input, how each is set, and what it may cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from fairlead.agents.interface import config_schema
from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError
from fairlead.runs.assistants import Assistant
from fairlead.runs.run import Run
from fairlead.web.asking import nano_of
from fairlead.web.console import form, reading
from fairlead.web.console.addresses import PLAYGROUND
from fairlead.web.console.form import Field, Layout, Problem
from fairlead.web.console.language import N_

KEYS = ("a", "b")
NANO = 1_000_000_000
_LABELS = {
    "instructions": N_("Instructions"), "model": N_("Model"), "temperature": N_("Temperature"),
    "max_tokens": N_("Most tokens of a reply"), "max_iterations": N_("Most model calls"),
}  # fmt: skip
_USD = re.compile(r"\s*([0-9]{1,6}(\.[0-9]{0,9})?|\.[0-9]{1,9})\s*")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the address says: who answers, and which runs are shown. `b` empty: nothing is compared. `of` and `version`:
    an assistant's version whose settings are to stand in the form."""

    a: str = ""
    b: str = ""
    run: str = ""
    other: str = ""
    thread: str = ""
    of: str = ""
    version: int = 0
    raw: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        return (self.a, self.b) if self.b else (self.a,)

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.run, self.other)))

    def address(self, path: str = PLAYGROUND, **changes: Any) -> str:
        now = replace(self, **changes)
        named = {"a": now.a, "b": now.b, "run": now.run, "other": now.other, "thread": now.thread, "of": now.of,
                 "version": now.version or "", "raw": "1" if now.raw else ""}  # fmt: skip
        return f"{path}?{urlencode({name: value for name, value in named.items() if value})}".rstrip("?")


def parse(params: Mapping[str, str]) -> Choice:
    given = {name: params.get(name, "").strip()[:300] for name in ("a", "b", "run", "other", "thread", "of")}
    version = params.get("version", "")
    number = int(version) if version.isdecimal() and len(version) < 10 else 0
    return Choice(**given, version=number, raw=params.get("raw") == "1")


@dataclass(frozen=True, slots=True)
class Side:
    """One who answers. `layout`: what may be set otherwise; `effective`: as it is if nobody does."""

    key: str
    assistant: Assistant
    spec: AgentSpec
    layout: Layout
    effective: Mapping[str, Any]

    @property
    def given(self) -> str:
        return self.assistant.agent if self.assistant.declared else self.assistant.id

    @property
    def version(self) -> int | None:
        return None if self.assistant.declared else self.assistant.version


def side_of(key: str, assistant: Assistant, spec: AgentSpec) -> Side:
    schema = config_schema(spec.native)
    layout = Layout(form.Shape.FIELDS, (), None)
    if schema["properties"]:
        asked = form.layout_of_schema(schema, f"{key}.set")
        layout = replace(asked, fields=tuple(_named(one) for one in asked.fields))
    inner = reading.mapping(assistant.config, "configurable")
    own = {field.key: getattr(spec.native, field.key, None) for field in layout.fields}
    return Side(key, assistant, spec, layout, {**own, **{name: inner[name] for name in own if name in inner}})


def _named(field: Field) -> Field:
    """In words of the reader; a model's name is one line."""
    kind = form.Kind.LINE if field.key == "model" else field.kind
    return replace(field, label=_LABELS.get(field.key, field.label), kind=kind, ours=True)


# -- what stands in the form


def fresh(
    side: Side, config: Mapping[str, Any] | None = None, context: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Its settings as they are; or as a run or a version had them. What the fields do not ask is JSON."""
    inner = {**side.effective, **reading.mapping(config, "configurable")}
    typed = {one.name: form.text_of(inner[one.key], one) for one in side.layout.fields}
    known, own = {one.key for one in side.layout.fields}, side.assistant.config
    beyond = {name: value for name, value in reading.mapping(config, "configurable").items()
              if name not in known and reading.at(own, "configurable", name) != value}  # fmt: skip
    rest = {name: value for name, value in (config or {}).items() if name != "configurable" and own.get(name) != value}
    rest |= {"configurable": beyond} if beyond else {}
    told = {name: value for name, value in (context or {}).items() if side.assistant.context.get(name) != value}
    typed[f"{side.key}.config"] = form.dump(rest, pretty=True) if rest else ""
    typed[f"{side.key}.context"] = form.dump(told, pretty=True) if told else ""
    return typed


def options_of(run: Run) -> dict[str, str]:
    """What is asked beside the input, as this run was asked for."""
    tags = [one for one in reading.items(run.metadata, "tags") if isinstance(one, str)]
    rest = {name: value for name, value in run.metadata.items() if name != "tags" or not tags}
    return {
        "budget": f"{run.budget_nano / NANO:.9f}".rstrip("0").rstrip(".") if run.budget_nano else "",
        "tags": ", ".join(tags),
        "metadata": form.dump(rest, pretty=True) if rest else "",
        "thread": run.thread_id or "",
    }


# -- what was typed


@dataclass(frozen=True, slots=True)
class Options:
    budget_nano: int | None = None
    metadata: Mapping[str, Any] | None = None
    thread_id: str | None = None


def read_options(typed: Mapping[str, str]) -> tuple[Options, dict[str, Problem]]:
    problems: dict[str, Problem] = {}
    amount, wrong = read_usd(typed.get("budget", ""))
    if wrong is not None:
        problems["budget"] = wrong
    metadata, wrong = form.read_object(typed.get("metadata", ""))
    if wrong is not None:
        problems["metadata"] = wrong
    tags = [one.strip() for one in typed.get("tags", "").split(",") if one.strip()]
    kept = metadata | ({"tags": tags} if tags else {})
    return Options(nano_of(amount), kept, typed.get("thread", "").strip() or None), problems


def read_usd(text: str) -> tuple[float | None, Problem | None]:
    """Nothing typed is no amount."""
    if not text.strip():
        return None, None
    amount = _USD.fullmatch(text)
    if amount is None or float(amount[1]) <= 0:
        return None, Problem(N_("Write dollars, such as 0.25."))
    return float(amount[1]), None


def read_side(side: Side, typed: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Problem]]:
    """Config and context, but for what is as it is anyway; and what is wrong with them."""
    found = form.read(side.layout, typed)
    problems = dict(found.problems)
    config, wrong = form.read_object(typed.get(f"{side.key}.config", ""))
    if wrong is not None:
        problems[f"{side.key}.config"] = wrong
    context, wrong = form.read_object(typed.get(f"{side.key}.context", ""))
    if wrong is not None:
        problems[f"{side.key}.context"] = wrong
    values: dict[str, Any] = found.value or {}
    changed = {name: value for name, value in values.items() if side.effective.get(name) != value}
    inner = {**reading.mapping(config, "configurable"), **changed}
    return config | ({"configurable": inner} if inner else {}), context, problems


def refused(error: FairleadError) -> Problem:
    said = f"{error.message} {error.hint}".strip()
    return Problem("%(problem)s", {"problem": said})


def fields_with_files(layout: Layout) -> Sequence[Field]:
    return [one for one in layout.fields if one.kind in (form.Kind.FILE, form.Kind.FILES)]
