"""Who may do what: keys, tokens, roles, tenants, audit.

Main path: a credential goes in, a caller comes out, or a refusal.

May import: telemetry, database and below.
"""
