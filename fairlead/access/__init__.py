"""Who may do what: keys, tokens, users, sessions, roles and scopes, and the log of who did what.

Main path: `Keyring.identify` takes a request's headers and gives a `Principal`, or raises Unauthorised; `require` asks
whether that caller may. The `Books` are what the database keeps; `KeyTable` is what a process knows of it.
May import: telemetry, database, egress and below. Names of signed tokens are looked up when first used: their library
is a tenth of what a server imports, and most servers take none.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fairlead.access.audit import Audit, Entry, Head, Wanted
from fairlead.access.book import MIGRATIONS, Changes, Issued, KeyBook
from fairlead.access.books import Books
from fairlead.access.key import Key, NewKey, Standing
from fairlead.access.keys import Keyring, ensure_safe_to_listen, is_loopback, key_of
from fairlead.access.rate import RateLimit, Room
from fairlead.access.roles import (
    HOUSE,
    LOCAL_ADMIN,
    UNBOUNDED,
    Allowance,
    Limits,
    Principal,
    Role,
    Scope,
    ensure_may_give,
    may_for_all,
    require,
    require_for_all,
    tenant_for,
)  # fmt: skip
from fairlead.access.sessions import Session, SessionBook
from fairlead.access.sign_in import SignIn
from fairlead.access.table import KeyTable
from fairlead.access.user import NewUser, Status, User
from fairlead.access.users import UserBook

if TYPE_CHECKING:
    from fairlead.access.signing import Fetch as Fetch
    from fairlead.access.signing import KeysOfAll as KeysOfAll
    from fairlead.access.signing import KeysOfIssuer as KeysOfIssuer
    from fairlead.access.signing import PublicKeys as PublicKeys
    from fairlead.access.signing import keys_of_file as keys_of_file
    from fairlead.access.signing import secret_keys as secret_keys
    from fairlead.access.tokens import Tokens as Tokens

__all__ = [
    "HOUSE",
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
    "SignIn",
    "Standing",
    "Status",
    "Tokens",
    "User",
    "UserBook",
    "Wanted",
    "ensure_may_give",
    "ensure_safe_to_listen",
    "is_loopback",
    "key_of",
    "keys_of_file",
    "may_for_all",
    "require",
    "require_for_all",
    "secret_keys",
    "tenant_for",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fairlead.access' has no attribute {name!r}")
    return getattr(import_module(f"fairlead.access.{'tokens' if name == 'Tokens' else 'signing'}"), name)
