"""The words of the console. `locale/<language>/LC_MESSAGES/console.mo` translates them; English needs no file."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).parent / "locale"
NAMES = {"en": "English", "ja": "日本語", "zh": "中文"}


def N_(message: str) -> str:
    """Mark a sentence for the catalogue where it is written; it is translated where it is shown."""
    return message


@cache
def languages(folder: Path = LOCALES) -> tuple[str, ...]:
    """Those that there are words of."""
    return ("en", *sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ("en",)


@cache  # every page and every drawing of an open one asks; they change only with the release
def words(language: str, *, folder: Path = LOCALES) -> gettext.NullTranslations:
    """The catalogue of a language; what it lacks, and an unknown language, is English."""
    return gettext.translation("console", folder, languages=[language], fallback=True)


def choose(cookie: str | None, accept: str, *, folder: Path = LOCALES) -> str:
    """The reader's own choice, else the first language of the browser that we speak, else English."""
    spoken = languages(folder)
    if cookie in spoken:
        return cookie
    for part in accept.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in spoken:
            return code
    return "en"
