"""Who may do what: keys and roles (tokens, tenants and audit follow).

Main path: `Keyring.identify` takes a request's headers and gives a `Principal`, or raises Unauthorised.
May import: telemetry, database and below.
"""

from fairlead.access.keys import Keyring, ensure_safe_to_listen, is_loopback, key_of, new_key
from fairlead.access.roles import LOCAL_ADMIN, Principal, Role, require

__all__ = [
    "LOCAL_ADMIN",
    "Keyring",
    "Principal",
    "Role",
    "ensure_safe_to_listen",
    "is_loopback",
    "key_of",
    "new_key",
    "require",
]
