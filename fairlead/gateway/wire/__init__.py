"""One file for each wire format: parse, build, assemble, emit.

Main path: bytes or JSON of a provider in, values out, and back.

May import: gateway.types and below.
"""
