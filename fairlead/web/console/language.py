"""The words of the console. `locale/<language>/LC_MESSAGES/console.mo` translates them; English needs no file."""

from __future__ import annotations

import gettext
from pathlib import Path

LOCALES = Path(__file__).parent / "locale"
LANGUAGES = ("en", "ja", "zh")


def N_(message: str) -> str:
    """Mark a sentence for the catalogue where it is written; it is translated where it is shown."""
    return message


def words(language: str, *, folder: Path = LOCALES) -> gettext.NullTranslations:
    """The catalogue of a language; what it lacks, and an unknown language, is English."""
    return gettext.translation("console", folder, languages=[language], fallback=True)


def choose(cookie: str | None, accept: str) -> str:
    """The reader's own choice, else the first language of the browser that we speak, else English."""
    if cookie in LANGUAGES:
        return cookie
    for part in accept.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES and (code == "en" or (LOCALES / code).is_dir()):
            return code
    return "en"
