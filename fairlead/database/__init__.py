"""SQLite and PostgreSQL behind one door, blobs, signals and presence; it knows no domain word.

Main path: a part loads its named `.sql` files (`sql.load`), hands statements to `Database.read`
or `Database.write`, and tells others with `Database.signals.publish` once they are durable.
May import: config, errors, clock.
"""

from fairlead.database.blobs import Blobs, FolderBlobs
from fairlead.database.door import Call, Database, Presence, Row, Rows
from fairlead.database.gather import Gather
from fairlead.database.migrate import Migrations, migrate
from fairlead.database.postgres import Postgres
from fairlead.database.signals import Signals
from fairlead.database.sql import Queries, Query
from fairlead.database.sqlite import Sqlite
from fairlead.database.timed import Timed

__all__ = [
    "Blobs",
    "Call",
    "Database",
    "FolderBlobs",
    "Gather",
    "Migrations",
    "Postgres",
    "Presence",
    "Queries",
    "Query",
    "Row",
    "Rows",
    "Signals",
    "Sqlite",
    "Timed",
    "migrate",
]
