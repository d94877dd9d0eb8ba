"""Bring the console's catalogues up to date: what is new in the sources goes into each .po without a translation, what
is gone leaves it, and each .mo is made from its .po. `--check` changes nothing, and fails when there is something to do
or anything is untranslated. `--missing LANGUAGE` prints what is.

fairlead/web/console/**/*.{py,html} ──► messages ──► locale/<language>/LC_MESSAGES/console.po ──► console.mo
"""

from __future__ import annotations

import argparse
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

from fairlead.config import describe_settings
from fairlead.ship.checklist.items import ITEMS

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = ROOT / "fairlead/web/console"
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
