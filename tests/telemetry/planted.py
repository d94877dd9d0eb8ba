"""A hundred secrets and pieces of personal data, each in a text as it comes, and a hundred harmless texts.

All are made up, or published as examples by whoever issues them. Those that scanners know are put together here, so
that none takes this file for a leak.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Planted(NamedTuple):
    secret: str
    """What must not be found afterwards."""
    text: str


def _in(secret: str, text: str = "{}") -> Planted:
    return Planted(secret, text.replace("{}", secret))


CUSTOM = (re.compile(r"K-\d{7}"), re.compile(r"(?i)employee no\. [0-9]{4,8}"))
"""What the owner of this installation set in REDACT_PATTERNS."""
OWN = "correct-horse-battery-staple"
"""A secret of this process."""

_JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
_KEYS = (
    "sk-" + "proj-abcdefgh12345678", "sk-" + "ant-api03-abcdefgh-12345678", "sk_" + "live_abcdefgh12345678",
    "rk_" + "live_abcdefgh12345678", "pk_" + "test_abcdefgh12345678", "whsec_" + "abcdefgh12345678ABCD",
    "ghp_" + "a1" * 18, "gho_" + "b2" * 18, "github_pat_" + "11ABCDEFG0abcdefghijkl", "glpat-" + "abcdefghij1234567890",
    "xoxb-" + "123456789012-abcdef", "xoxp-" + "123456789012-abcdef", "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE", "AIza" + "SyA1234567890abcdefghijklmnopqrstuv", "ya29." + "a0AfH6SMBabcdefghijkl",
    "GOCSPX-" + "abcdefghijklmnopqrst", "hf_" + "abcdefghijklmnopqrst", "npm_" + "abcdefghijklmnopqrst",
    "pypi-" + "AgEIcHlwaS5vcmcabcdef", "gsk_" + "abcdefghijklmnopqrst", "xai-" + "abcdefghijklmnopqrst",
    "pplx-" + "abcdefghijklmnopqrst", "r8_" + "abcdefghijklmnopqrst", "SG." + "abcdefghij.klmnopqrstuvwxyz",
    "dop_v1_" + "abcdef0123456789abcdef", "shpat_" + "abcdef0123456789abcdef", "sq0atp-" + "abcdefghijklmnopqrst",
    "dapi" + "0123456789abcdef" * 2, "lin_api_" + "abcdefghijklmnopqrst", "PMAK-" + "abcdefghijklmnopqrst-123",
    "hvs." + "abcdefghijklmnopqrst", "ATATT3" + "xFfGF0abcdefghijklm", "AGE-SECRET-KEY-1" + "QPZRY9X8GF2TVDW0S3JN",
    "tskey-" + "auth-abcdefghijk12345", "110201543:AA" + "HdqTcvCH1vGWJxfSeofSAs0K5PALDsawx"[:33],
    "fl_" + "abcdefghijklmnop_1234", _JWT,
)  # fmt: skip
_MAILS = (
    "bob@example.com", "o'neil+tag@a-b.co.uk", "jörg@müller.de", "bob%40example.com", "first.last@sub.example.museum",
    "a_b-c@example.io", "UPPER.CASE@EXAMPLE.COM", "x@y.zz",
)  # fmt: skip
_CARDS = (
    "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "4012.8888.8888.1881", "5500005555555559",
    "5555 5555 5555 4444", "2223003122003222", "3782 822463 10005", "371449635398431", "6011111111111117",
    "6011 0009 9013 9424", "3530111333300000", "30569309025904",
)  # fmt: skip
_PHONES = (
    "+14155550132", "+1 415 555 0132", "+1 (415) 555-0132", "+44 20 7946 0958", "+49 30 901820", "+49-89-1234567",
    "+81 3-1234-5678", "+33.1.23.45.67.89", "(415) 555-0132", "415-555-0132", "+919876543210",
)  # fmt: skip
_IBANS = (
    "DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "FR1420041010050500013M02606", "NL91 ABNA 0417 1643 00",
)  # fmt: skip

PLANTED: tuple[Planted, ...] = (
    *(_in(key, "the key {} was refused") for key in _KEYS),
    *(_in(mail, "write to {} now") for mail in _MAILS),
    *(_in(card, "paid with {}.") for card in _CARDS),
    *(_in(phone, "call {}, please") for phone in _PHONES),
    *(_in(iban, "from account {}") for iban in _IBANS),
    *(_in(ssn, "ssn {}") for ssn in ("123-45-6789", "078 05 1120", "219-09-9999")),
    _in("abc.def-123456", "Authorization: Bearer {}"),
    _in("dXNlcjpwYXNz=", "authorization: basic {}"),
    _in("hunter2", "postgresql://app:{}@db.internal/x"),
    _in("p@ss:w0rd", "postgresql://app:{}@db/x"),
    _in("r3disPass", "redis://:{}@cache:6379/0"),
    _in("m0ngoPass", "mongodb+srv://root:{}@cluster0.abc.example.net/?retryWrites=true"),
    _in("https-pass", "cloning https://deploy:{}@git.example.com/repo.git failed"),
    _in("Sq1Pass!", "Server=db;User Id=sa;Password={};Encrypt=true"),
    _in("aGVsbG8gd29ybGQ=", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core"),
    _in("wJalrXUtnFEMIK7MDENGbPxRfiCY", "aws_secret_access_key = {}"),
    _in("opaque0123456789", "GET /cb?access_token={}&state=1"),
    _in("refresh987654", '{"refresh_token": "{}"}'),
    _in("5d41402abc4b2a76b9719d911017c592", "https://bucket.s3.example.com/a?X-Amz-Signature={}"),
    _in("T00000000/B00000000/abcdefghijklmnop", "https://hooks.example.com/services/{}"),
    _in("two words", "Password : '{}'"),
    _in("inner-quoted", '{\\"password\\":\\"{}\\"}'),
    _in("zzz999", "my_secret_key: {}"),
    _in("MIIEabc", "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"),
    _in("s3ss10nValue", "Cookie: sessionid={}"),
    _in(OWN, "our own: {}"),
    _in("K-1234567", "customer {}"),
    _in("Employee No. 004711", "asked by {}"),
    _in("passphrase-of-mine", "passphrase={}"),
)

HARMLESS: tuple[str, ...] = (
    "01932f4a-7b1c-7123-8abc-1234567890ab", "12345678-1234-4123-8123-123456789012",
    "7f9c24e8b3d21a5f7f9c24e8b3d21a5f", "9e107d9d372bb6826bd81d3542a419d6", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "commit 4f5e6d7c8b9a",
    "2026-11-22T10:07:38.992150+00:00", "2026-11-22 10:07:38,992", "2026-11-22", "20261122T100738Z", "10:07:38.992",
    "2026-11-22T10:07:38+0530", "at 1732270000 s", "at 1732270000123 ms", "at 1732270000123456 microseconds",
    "took 0.123456789012345 s", "3.141592653589793", "-1.7976931348623157e+308", "1e-07", "1234567.890123",
    "cost 0.000123456 USD", "12 345 678 rows", "1,234,567 rows", "99.95 %", "version 2.14.3", "1.2.3-rc.4+build.5678",
    "python 3.11.7", "libc6:amd64 2.41-12", "cpython-312-x86_64-linux-gnu", "v2026.11.27", "10.0.0.1",
    "192.168.100.200",
    "127.0.0.1:8000", "2001:db8::8a2e:370:7334", "[::1]:9000", "10.0.0.0/8", "00:1b:44:11:3a:b7", "pid 4194304",
    "port 55432", "order 2026-000123", "order 113-1234567-1234567", "invoice INV-2026-0042", "ticket ABC-12345",
    "ISBN 978-3-16-148410-0", "part 4711-0815", "RFC 9110 section 15.5.21", "ISO 8601", "EUR 1 234,56",
    "4111111111111112 is no card: Luhn says so", "1234567812345678 neither", "0000-0000-0000-0000", "000-12-3456",
    "tokens: 512, max_tokens=2048, token_count: 12", "token: 3", "tokens_in=100 tokens_out=50", "cached tokens 4096",
    "a basic understanding of tokens and passwords", "the task-list is on disk-full-of-files", "password: null",
    "token=false", "secret=none", "the session was long", "a cookie recipe", "authorization is checked twice",
    "bearer of good news", "https://example.com/a?b=c", "https://example.com/runs/01932f4a7b1c?limit=100&offset=2000",
    "postgresql://db.internal:5432/fairlead", "s3://bucket/prefix/2026/11/27/part-00001.parquet",
    "/runs/{run_id}/events",
    "/usr/lib/python3.11/asyncio/base_events.py:653", "File \"app.py\", line 1234, in main", "C:\\Users\\x\\file.txt",
    "openai/gpt-5-mini", "anthropic/claude-haiku-4-5-20251001", "simulated/triage", "text-embedding-3-small",
    "ghp is a prefix", "sk-learn 1.7", "asia and africa", "npm install", "hf_hub", "the PMAK office", "SG.1",
    "a+b=c", "x += 1234567", "+1", "+12 %", "+1.5", "+00:00", "delta +1234567 bytes", "1+2345678", "C++17",
    "user@", "@decorator", "3 @ 4", "git@host", "KA12 0BB", "AB12CD34", "MODEL X1000 REV 20", "SHA256 AND MD5",
    "step 3 of 12", "attempt 2", "lease 15s", "99999", "1234-5678", "12-34-56",
)  # fmt: skip
