"""SQLite and PostgreSQL, blobs, migrations: how rows are kept, with no domain words.

Main path: open a database, hand it named statements, get rows; writes of one moment are committed together.

May import: config, errors, clock.
"""
