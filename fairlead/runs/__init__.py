"""Work that survives a crash: the journal, the queue, the worker.

Main path: submit → claim → execute → record each step → finish; every write names its fence.

May import: agents, gateway, access, database, telemetry and below; never ship.
"""
