"""The HTTP API: one file for each noun, problems in one place.

Main path: an `Operation` names its handler; the handler parses a `Call`, asks `runs.control` or `runs.feed`, replies.

May import: what web may; never web.console.
"""
