"""Who may do what: keys, tokens, users, sessions, roles and scopes, and the log of who did what.

Main path: `Keyring.identify` takes a request's headers and gives a `Principal`, or raises Unauthorised; `require` asks
whether that caller may. The `Books` are what the database keeps; `KeyTable` is what a process knows of it.
May import: telemetry, database, egress and below.
"""

from fairlead.access.audit import Audit, Entry, Head, Wanted
from fairlead.access.book import MIGRATIONS, Changes, Issued, KeyBook
from fairlead.access.books import Books
from fairlead.access.key import Key, NewKey, Standing
from fairlead.access.keys import Keyring, ensure_safe_to_listen, is_loopback, key_of
from fairlead.access.rate import RateLimit, Room
from fairlead.access.roles import LOCAL_ADMIN, UNBOUNDED, Allowance, Limits, Principal, Role, Scope, require
from fairlead.access.sessions import Session, SessionBook
from fairlead.access.signing import Fetch, KeysOfAll, KeysOfIssuer, PublicKeys, keys_of_file, secret_keys
from fairlead.access.table import KeyTable
from fairlead.access.tokens import Tokens
from fairlead.access.user import NewUser, Status, User
from fairlead.access.users import UserBook

__all__ = [
    "LOCAL_ADMIN",
    "MIGRATIONS",
    "UNBOUNDED",
    "Allowance",
    "Audit",
    "Books",
    "Changes",
    "Entry",
    "Fetch",
    "Head",
    "Issued",
    "Key",
    "KeyBook",
    "KeyTable",
    "Keyring",
    "KeysOfAll",
    "KeysOfIssuer",
    "Limits",
    "NewKey",
    "NewUser",
    "Principal",
    "PublicKeys",
    "RateLimit",
    "Role",
    "Room",
    "Scope",
    "Session",
    "SessionBook",
    "Standing",
    "Status",
    "Tokens",
    "User",
    "UserBook",
    "Wanted",
    "ensure_safe_to_listen",
    "is_loopback",
    "key_of",
    "keys_of_file",
    "require",
    "secret_keys",
]
