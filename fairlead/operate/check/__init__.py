"""How a running system is, looked at from outside of its processes.

    looks ──► each asked, and asked again when it does not pass ──► lines ──► one verdict

Main path: `look.look_at` asks all of them at once; `machine`, `database`, `service` are what is looked at. What belongs
to parts above or beside (workers, queue, providers, Redis) is handed in as values or doors.
May import: ship, operate.backup, database, config, errors, clock.
"""
