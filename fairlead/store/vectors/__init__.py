"""Vectors of pieces of documents, where they are switched on: made, kept beside the pieces, and searched.

    put ──► waiting ──► claimed ──► a batch of vectors kept, and the next ──► done
              ▲            │
              └── given back with what was wrong, or left by whoever died: what is kept is not made again

Main path: `Embedding.document` makes the vectors of one document, `Nearest.search` finds pieces by one. A document is
found by its vectors when all its pieces have theirs, of the model in force; vectors of two models never meet.

May import: store below it, database, telemetry. It knows no model: `door.Embedder` makes the vectors.
"""

from fairlead.store.vectors.door import Embed as Embed
from fairlead.store.vectors.door import Embedder as Embedder
from fairlead.store.vectors.embedding import Embedding as Embedding
from fairlead.store.vectors.embedding import Progress as Progress
from fairlead.store.vectors.nearest import Nearest as Nearest
from fairlead.store.vectors.tables import prepare as prepare
from fairlead.store.vectors.tables import require as require
