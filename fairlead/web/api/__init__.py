"""The HTTP API: one file for each noun, problems in one place.

Main path: parse, ask `runs.control` or `runs.feed`, answer.

May import: what web may; never web.console.
"""
