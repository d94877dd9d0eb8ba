"""Calls to addresses that others name: webhooks, key sets, tool servers. The one client for all of them.

Main path: `Egress.request` → `Client` → transport → `Dial`, which looks at every address a name stands for and only
then connects, to the address it has looked at. `Egress.client` is the same for a library that brings its own protocol.
May import: config, errors, clock.
"""

from fairlead.egress.answer import Answer
from fairlead.egress.door import Egress, check_url
from fairlead.egress.names import Resolve, resolve
from fairlead.egress.rules import Rules, read_rules

__all__ = ["Answer", "Egress", "Resolve", "Rules", "check_url", "read_rules", "resolve"]
