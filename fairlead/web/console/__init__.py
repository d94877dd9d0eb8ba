"""The pages people look at: server-rendered, live.

Main path: read, fill a template, send; changes arrive as server-sent events.

May import: what web may; never web.api.
"""
