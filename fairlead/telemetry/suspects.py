"""What must never be written, and the cheap signs that it may be there.

A pattern runs only where one of its signs (a substring) is seen, so that a clean line costs a few microseconds;
repetitions are bounded, so that a hostile line costs no more than a long one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suspect:
    """What to look for, and what to write instead."""

    regex: re.Pattern[str]
    instead: str | Callable[[re.Match[str]], str]


def _when(
    signs: tuple[str, ...], regex: str, instead: str | Callable[[re.Match[str]], str], flags: re.RegexFlag = re.NOFLAG
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


def _phone(match: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in match.group())
    return "[phone]" if 8 <= digits <= 15 else match.group()  # E.164


def _iban(match: re.Match[str]) -> str:
    """ISO 13616: the first four to the end, letters as numbers, and the rest of a division by 97 is 1."""
    account = match.group().replace(" ", "")
    number = "".join(str(int(character, 36)) for character in account[4:] + account[:4])
    return "[iban]" if 15 <= len(account) <= 34 and int(number) % 97 == 1 else match.group()


_ISSUED_KEY = (
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[\w-]{8,}|[sprw]k_(?:live|test)_\w{8,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{10,}|xox[a-z]-[\w-]{8,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{16,}|eyJ[\w-]{8,}(?:\.[\w-]*){0,2}"
    r"|hf_\w{16,}|npm_\w{16,}|pypi-[\w-]{16,}|fl_[\w-]{16,}|gsk_\w{16,}|xai-[\w-]{16,}|pplx-\w{16,}|r8_\w{16,}"
    r"|whsec_[\w+/=]{16,}|SG\.[\w-]{8,}\.[\w-]{8,}|GOCSPX-[\w-]{16,}|do[opr]_v1_\w{16,}|shp(?:at|ca|pa|ss)_\w{16,}"
    r"|sq0[a-z]{3}-[\w-]{16,}|dapi[0-9a-f]{32}|lin_api_\w{16,}|ntn_\w{16,}|PMAK-[\w-]{16,}|hv[sb]\.[\w-]{16,}"
    r"|ATATT3[\w=-]{16,}|AGE-SECRET-KEY-1\w{16,}|tskey-[\w-]{16,}|\d{8,10}:AA[\w-]{32,})"
)
_SECRET_NAME = (
    r"((?:passw(?:or)?d|passphrase|pwd|secret|credentials?|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    r"|signing[_-]?key|encryption[_-]?key|signature|authorization)[\w-]{0,30})"
)
_TOKEN_NAME = r"((?:token|session(?:[_-]?id)?|cookie)(?![\w-]))"
_IS = r"""(\\{0,8}["']?\s{0,3}[:=]\s{0,3})"""
_VALUE = r"""(?:(\\{0,8}["'])[^"'\\]{1,200}|[^\s"',;&}\]\\]{3,})"""
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
         "asia", "aiza", "ya29", "eyj", "hf_", "npm_", "pypi-", "fl_", "gsk_", "xai-", "pplx-", "r8_", "whsec_", "sg.",
         "gocspx-", "_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "sq0", "dapi", "lin_api_", "ntn_", "pmak-", "hvs.",
         "hvb.", "atatt3", "age-secret-key-", "tskey-", ":aa"),
        _ISSUED_KEY,
        "[key]",
    ),
    *_when(
        ("pass", "pwd", "secret", "credential", "api_key", "api-key", "apikey", "access_key", "access-key", "accesskey",
         "private_key", "private-key", "privatekey", "account_key", "account-key", "accountkey", "signing_key",
         "signing-key", "signingkey", "encryption_key", "encryption-key", "encryptionkey", "signature",
         "authorization"),
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
    *_when(("hooks.", "/webhooks/"), r"(/(?:services|webhooks)/)[\w/-]{16,200}", r"\1[token]"),
    *_when(("+",), r"(?<![\w+.])\+[1-9](?:\d{9,14}|\d{0,2}(?:[ .()/-]{1,3}\d{1,8}){2,6})(?![\w-])", _phone),
)  # fmt: skip


def _gated(signs: Iterable[tuple[str, Suspect]]) -> dict[str, list[tuple[str, Suspect]]]:
    """The signs by what many of them have in common: where that is not seen, none of them is."""
    gates: dict[str, list[tuple[str, Suspect]]] = {}
    for sign, suspect in signs:
        gate = next((common for common in _COMMON if common in sign), sign)
        gates.setdefault(gate, []).append((sign, suspect))
    return gates


# A single letter that is seldom is found, or not, in a fifth of the time.
_COMMON = ("key", "_", "-", "%", "q", "j", "z", "x", "cre", "hooks", "ia", "hv", "ss")
GATES = _gated(SIGNS)
SIGNED = tuple({id(suspect): suspect for _, suspect in SIGNS}.values())  # strongest first

# Digits that belong to an id (letters or a hyphenated group beside them) are no card and no SSN. The look back comes
# after the first digit, so that the search can leap from digit to digit; what is looked for has at least eleven figures
# and marks in a row, which most numbers have not, and that is seen sooner.
_ALONE_BEFORE, _ALONE_AFTER = r"(?<![A-Za-z0-9].)(?<![A-Za-z0-9]-.)", r"(?![A-Za-z0-9])(?!-[A-Za-z0-9])"
_IBAN = r" ?[A-Z0-9]{4} ?[A-Z0-9]{4} ?[A-Z0-9]{3}"
DIGITS = re.compile(
    r"\d(?:(?=[\d .)-]{10})" + _ALONE_BEFORE
    + r"(?:\d{2}[- ]\d{2}[- ]\d{4}|(?:[ .-]?\d){12}|\d{2}\)?[ .-]\d{3}[.-]\d{4})"
    r"|(?<=[A-Z]\d)(?<=\b[A-Z]{2}\d)\d" + _IBAN + ")"
)  # fmt: skip
# What each character is to them: a figure, a capital, or else; marks between figures are left out.
_FIGURES = b"".join(b"0" if c.isdigit() else b"A" if c.isupper() else b" " for c in map(chr, range(128))).ljust(256)
_MARKS = b" .)-"


def may_hold_numbers(text: str) -> bool:
    """Whether `DIGITS` has to look: nine figures follow each other, or two capitals and two figures."""
    if not text.isascii():  # others than ASCII's are figures too
        return True
    figures = text.encode().translate(_FIGURES, _MARKS)
    return b"000000000" in figures or b"AA00" in figures


NUMBERS = [
    Suspect(re.compile(r"\b[A-Z]{2}\d{2}" + _IBAN + r"(?: ?[A-Z0-9]){0,19}(?![A-Za-z0-9])"), _iban),
    Suspect(
        re.compile(r"(?!000|666)[0-8]" + _ALONE_BEFORE + r"\d{2}([- ])(?!00)\d{2}\1(?!0000)\d{4}" + _ALONE_AFTER),
        "[ssn]",
    ),
    # North America: neither an area nor an exchange begins with 0 or 1.
    Suspect(
        re.compile(r"\(?[2-9]" + _ALONE_BEFORE + r"\d{2}(?:\) ?|[ .-])[2-9]\d{2}[.-]\d{4}" + _ALONE_AFTER),
        "[phone]",
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
