"""Say what happened, and let others listen.

Main path: `emit` a named event with fields; logs, metrics and traces are listeners in files of their own.

May import: config, errors, clock.
"""
