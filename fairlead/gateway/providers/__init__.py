"""One file for each provider, all through the door in `gateway/provider.py`.

Main path: a request goes in, a reply comes out, or one of our errors.

May import: gateway.types, gateway.provider, gateway.wire and below.
"""
