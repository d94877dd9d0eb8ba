"""Who may do what: keys, roles and scopes (tokens, tenants and audit follow).

Main path: `Keyring.identify` takes a request's headers and gives a `Principal`, or raises Unauthorised; `require` asks
whether that caller may. `KeyBook` makes, rotates and revokes keys; `KeyTable` is what a process knows of them.
May import: telemetry, database and below.
"""

from fairlead.access.book import MIGRATIONS, Changes, Issued, KeyBook
from fairlead.access.key import Key, NewKey, Standing
from fairlead.access.keys import Keyring, ensure_safe_to_listen, is_loopback, key_of
from fairlead.access.roles import LOCAL_ADMIN, UNBOUNDED, Allowance, Limits, Principal, Role, Scope, require
from fairlead.access.table import KeyTable

__all__ = [
    "LOCAL_ADMIN",
    "MIGRATIONS",
    "UNBOUNDED",
    "Allowance",
    "Changes",
    "Issued",
    "Key",
    "KeyBook",
    "KeyTable",
    "Keyring",
    "Limits",
    "NewKey",
    "Principal",
    "Role",
    "Scope",
    "Standing",
    "ensure_safe_to_listen",
    "is_loopback",
    "key_of",
    "require",
]
