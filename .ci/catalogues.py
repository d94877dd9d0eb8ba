"""Bring the console's catalogues up to date: what is new in the sources goes into each .po without a translation, what
is gone leaves it, and each .mo is made from its .po. `--check` changes nothing, and fails when there is something to do
or anything is untranslated. `--missing LANGUAGE` prints what is.

fairlead/web/console/**/*.{py,html} ──► messages ──► locale/<language>/LC_MESSAGES/console.po ──► console.mo
errors, checks                      ──► sentences ──► locale/below.txt, and messages
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import fairlead.errors
from fairlead.config import describe_settings
from fairlead.ship.checklist.items import ITEMS

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "fairlead/web/console"
BELOW = CONSOLE / "locale/below.txt"
LANGUAGES = ("ja", "zh")
KEYWORDS = {
    "_": None, "gettext": None, "N_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}  # fmt: skip
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = re.compile(r"%\((\w+)\)[sd]")


def messages() -> Catalog:
    """All that the sources say."""
    found = Catalog(charset="utf-8")
    told = extract_from_dir(
        CONSOLE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("i18n:",), strip_comment_tags=True
    )
    for _, _, message, comments, context in told:
        found.add(message, auto_comments=comments, context=context)
    for text in written_below():
        found.add(text)
    return found


def written_below() -> Iterator[str]:
    """What parts below the console say in words of their own, and it shows."""
    for item in ITEMS:
        yield from filter(None, (item.text, item.mend, item.question.text if item.question else ""))
    for doc in describe_settings():
        yield doc.description
    yield from sentences()


# Where errors are raised that a page of the console can show, and where checks say what they have found.
RAISING = (
    "fairlead/web/console", "fairlead/runs/admission.py", "fairlead/runs/asked.py", "fairlead/runs/assistants.py",
    "fairlead/runs/control.py", "fairlead/runs/forking.py", "fairlead/runs/resuming.py", "fairlead/runs/schedule.py",
    "fairlead/runs/schedules.py", "fairlead/runs/scores.py", "fairlead/runs/threads.py", "fairlead/access/key.py",
    "fairlead/access/keys.py", "fairlead/access/roles.py", "fairlead/access/user.py", "fairlead/access/users.py",
    "fairlead/access/rate.py", "fairlead/ship/ledger.py", "fairlead/ship/evaluation/book.py",
    "fairlead/ship/evaluation/kept.py", "fairlead/ship/checklist/items.py", "fairlead/gateway/budgets.py",
    "fairlead/gateway/period.py",
)  # fmt: skip
CHECKING = (
    "fairlead/ship/checklist/checks", "fairlead/ship/checklist/facts.py", "fairlead/ship/checklist/look.py",
    "fairlead/ship/carry_out.py", "fairlead/ship/host/target.py", "fairlead/ship/smoke.py", "fairlead/ship/watching.py",
    "fairlead/ship/rehearsal.py",
)  # fmt: skip
_ERRORS = {name for name, one in vars(fairlead.errors).items() if isinstance(one, type) and issubclass(one, Exception)}
_SENTENCE = re.compile(r"[A-Za-z]{2,}[ ,:;]+[a-z]|^[A-Z][a-z]+ [\w%]")
_CODE = re.compile(r"SELECT |\n|https?://|Bearer|\\|^Max |^fairlead ")


def sentences() -> list[str]:
    """What parts below say in English, with a name for each place that they fill."""
    told = {text for path in _sources(RAISING) for text in _raised(ast.parse(path.read_text()))}
    told |= {text for path in _sources(CHECKING) for text in _spoken(ast.parse(path.read_text()))}
    return sorted(
        text for text in told if len(re.sub(r"[^A-Za-z]", "", PLACE.sub("", text))) > 5 and not _CODE.search(text)
    )


def _sources(paths: tuple[str, ...]) -> Iterator[Path]:
    for one in (ROOT / path for path in paths):
        yield from sorted(one.rglob("*.py")) if one.is_dir() else [one]


def _raised(tree: ast.AST) -> Iterator[str]:
    """Messages and hints of our errors."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _ERRORS:
            for part in [*call.args[:1], *(one.value for one in call.keywords if one.arg == "hint")]:
                yield from _texts(part)


def _spoken(tree: ast.AST) -> Iterator[str]:
    """Each text that is a sentence or a clause."""
    inner = {id(part) for one in ast.walk(tree) if isinstance(one, ast.JoinedStr) for part in one.values}
    documents = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant | ast.JoinedStr) and id(one) not in inner | documents:
            yield from (text.lstrip(";,. ") for text in _texts(one) if _SENTENCE.search(text))


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(_part(part, place) for place, part in enumerate(parts))
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one), *_texts(other))
        case ast.Call(func=ast.Name(id="N_"), args=[one]):
            yield from _texts(one)
        case _:
            pass


def _part(part: ast.expr, place: int) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value).replace("%", "%%")
    return f"%({_named(part).strip('_').lower()}_{place})s"


def _named(part: ast.expr) -> str:
    """A name for what is filled in: a translator should guess what it is."""
    match part:
        case ast.FormattedValue(value=inner) | ast.Call(args=[inner, *_]):
            return _named(inner)
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.BinOp(left=inner) | ast.IfExp(body=inner):
            return _named(inner)
        case _:
            return "it"


def path_of(language: str) -> Path:
    return CONSOLE / "locale" / language / "LC_MESSAGES/console.po"


def updated(language: str, source: Catalog) -> Catalog:
    """The catalogue as it should be: what is translated stays, and nothing is guessed."""
    path = path_of(language)
    known = read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(locale=language)
    made = Catalog(locale=language, project="Fairlead", version="console", charset="utf-8", fuzzy=False)
    for one in source:
        if not one.id:
            continue
        before = known.get(one.id, one.context)
        text = before.string if before is not None and not before.fuzzy else None
        made.add(one.id, text, auto_comments=one.auto_comments, context=one.context)
    return made


def problems(catalogue: Catalog) -> Iterator[str]:
    """What is untranslated, or has other places to fill than the English."""
    for one in catalogue:
        if not one.id:
            continue
        said, english = _forms(one.string), _forms(one.id)
        if not said or not all(said):
            yield f"untranslated: {english[0]!r}"
        elif any(set(PLACE.findall(form)) - set(PLACE.findall(english[-1])) for form in said) or any(
            set(PLACE.findall(english[-1])) - set(PLACE.findall(form)) for form in said
        ):
            yield f"other places than in English: {english[0]!r}"


def _forms(text: object) -> list[str]:
    return [str(one) for one in text] if isinstance(text, list | tuple) else [str(text)] if text else []


def as_po(catalogue: Catalog) -> bytes:
    told = io.BytesIO()
    write_po(told, catalogue, no_location=True, omit_header=False, sort_output=True, width=110)
    # Dates and tools would change in every commit.
    kept = [line for line in told.getvalue().decode().splitlines() if not line.startswith(_CHANGING)]
    return ("\n".join(kept).rstrip() + "\n").encode()


_CHANGING = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator', '"Report-Msgid', "# FIRST",
             '"Language-Team', "# Copyright", "# This file is distributed")  # fmt: skip


def as_mo(catalogue: Catalog) -> bytes:
    catalogue.creation_date = catalogue.revision_date = _NEVER  # the same file from the same words
    told = io.BytesIO()
    write_mo(told, catalogue)
    return told.getvalue()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--missing", choices=LANGUAGES)
    given = parser.parse_args(arguments)
    source, failed = messages(), False
    below = "".join(f"{one}\n" for one in sentences())
    if given.check and BELOW.read_text() != below:
        print(f"{BELOW.relative_to(ROOT)} is not up to date: run `make words`")
        failed = True
    elif not given.check and not given.missing:
        BELOW.write_text(below)
    for language in [given.missing] if given.missing else LANGUAGES:
        path = path_of(language)
        catalogue = updated(language, source)
        po = as_po(catalogue)
        mo = as_mo(read_po(io.BytesIO(po), locale=language))
        left = list(problems(catalogue))
        if given.missing:
            print("\n".join(left))
            continue
        if given.check:
            old = [path.read_bytes(), path.with_suffix(".mo").read_bytes()] if path.exists() else []
            if old != [po, mo]:
                left.append(f"{path.relative_to(ROOT)} is not up to date: run `make words`")
            failed = failed or bool(left)
            print("\n".join(f"{language}: {one}" for one in left), end="\n" if left else "")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po)
        path.with_suffix(".mo").write_bytes(mo)
        print(f"{language}: {sum(bool(one.id) for one in catalogue)} messages, {len(left)} to be seen to")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
