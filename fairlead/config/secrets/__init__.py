"""Secrets by reference: where they are kept, and how those who use them see a new one without a restart.

Main path: `Finder.find` fetches what a `Reference` names from its `SecretSource`; `Secrets` holds what settings refer
to, and looks again before it is older than SECRETS_TTL, or at once when somebody was `refused` with it.
May import: errors, clock.
"""

from fairlead.config.secrets.finder import KEEP, Finder, finder_of
from fairlead.config.secrets.held import Secret, Secrets
from fairlead.config.secrets.reference import Reference, parse_reference
from fairlead.config.secrets.source import Found, SecretSource

__all__ = ["KEEP", "Finder", "Found", "Reference", "Secret", "SecretSource", "Secrets", "finder_of", "parse_reference"]
