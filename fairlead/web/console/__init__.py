"""The pages people look at: server-rendered, live.

Main path: a page reads from the door, shapes what it read into a value, a template writes it.

May import: what web may; never web.api.
"""
