"""One module per page: read from the door, shape into a value, let the template write it.

May import: web.console only; no page imports another.
"""
