"""What must never be written, and the cheap signs that it may be there.

A pattern runs only where one of its signs (a substring) is seen, so that a clean line costs a few microseconds;
repetitions are bounded, so that a hostile line costs no more than a long one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suspect:
    """What to look for, and what to write instead."""

    regex: re.Pattern[str]
    instead: str | Callable[[re.Match[str]], str]


def _when(
    signs: tuple[str, ...], regex: str, instead: str, flags: re.RegexFlag = re.NOFLAG
) -> list[tuple[str, Suspect]]:
    """Look for it only where one of `signs` (in small letters) occurs."""
    suspect = Suspect(re.compile(regex, flags), instead)
    return [(sign, suspect) for sign in signs]


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return "[card]" if 13 <= len(digits) <= 19 and _luhn(digits) else match.group()


_ISSUED_KEY = (
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[\w-]{8,}|[sprw]k_(?:live|test)_\w{8,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{10,}|xox[a-z]-[\w-]{8,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{16,}|eyJ[\w-]{8,}(?:\.[\w-]*){0,2}"
    r"|hf_\w{16,}|npm_\w{16,}|pypi-[\w-]{16,}|fl_[\w-]{16,})"
)
_SECRET_NAME = (
    r"((?:passw(?:or)?d|passphrase|pwd|secret|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|authorization)"
    r"[\w-]{0,30})"
)
_TOKEN_NAME = r"((?:token|session(?:[_-]?id)?|cookie)(?![\w-]))"
_IS = r"""(\\?["']?\s{0,3}[:=]\s{0,3})"""
_VALUE = r"""(?:(\\?["'])[^"'\\]{1,200}|[^\s"',;&}\]\\]{3,})"""
_EMAIL = r"(?<![\w.+%'-])[\w.+%'-]{1,128}?(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"

SIGNS: tuple[tuple[str, Suspect], ...] = (
    *_when(
        ("private key",), r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END[A-Z -]{0,40}|\Z)", "[key]", re.DOTALL
    ),
    *_when(("@",), r"(://)[^\s/]{1,256}@", r"\1[secret]@"),
    *_when(
        ("bearer", "basic"),
        r"\b(bearer|basic)(\s{1,3})(?=[\w.~+/=-]{0,300}[\d=._+/-])[\w.~+/=-]{8,}",
        r"\1\2[token]",
        re.IGNORECASE,
    ),
    *_when(
        ("sk-", "k_live_", "k_test_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "akia",
         "asia", "aiza", "ya29", "eyj", "hf_", "npm_", "pypi-", "fl_"),
        _ISSUED_KEY,
        "[key]",
    ),
    *_when(
        ("pass", "pwd", "secret", "credential", "api_key", "api-key", "apikey", "access_key", "access-key", "accesskey",
         "private_key", "private-key", "privatekey", "authorization"),
        _SECRET_NAME + _IS + r"(?!\[|null|none|true|false)" + _VALUE,
        r"\1\2\3[secret]",
        re.IGNORECASE,
    ),
    # `tokens: 512` and `token: 3` are figures, not secrets.
    *_when(
        ("token", "session", "cookie"),
        _TOKEN_NAME + _IS + r"(?!\[|null|none|true|false|\d{1,9}\b)" + _VALUE,
        r"\1\2\3[secret]",
        re.IGNORECASE,
    ),
    *_when(("@", "%40"), _EMAIL, "[email]"),
)  # fmt: skip

# Digits that belong to an id (letters or a hyphenated group beside them) are no card and no SSN. The look back comes
# after the first digit, so that the search can leap from digit to digit.
_ALONE_BEFORE, _ALONE_AFTER = r"(?<![A-Za-z0-9].)(?<![A-Za-z0-9]-.)", r"(?![A-Za-z0-9])(?!-[A-Za-z0-9])"
DIGITS = re.compile(r"\d" + _ALONE_BEFORE + r"(?:\d{2}[- ]\d{2}[- ]\d{4}|(?:[ .-]?\d){12})")
NUMBERS = [
    Suspect(
        re.compile(r"[0-8]" + _ALONE_BEFORE + r"\d{2}([- ])(?!00)\d{2}\1(?!0000)\d{4}" + _ALONE_AFTER),
        "[ssn]",
    ),
    Suspect(
        re.compile(r"[2-6]" + _ALONE_BEFORE + r"(?=(?:[ .-]?\d){12})\d{3}(?:[ .-]?\d{1,6}){2,4}" + _ALONE_AFTER), _card
    ),
]

# Fields whose value is a secret whatever it looks like.
SENSITIVE_NAME = re.compile(
    r"(?:.*[_.-])?(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key"
    r"|authorization|cookie|credentials?|ssn|card[_-]?number|cvv)"
)
