"""The crash battery: faults thrown at running workers, and an oracle outside Fairlead that says what really happened.

    python -m tests.crash --faults 500 [--seed N] [--database sqlite|postgres|both] [--bug NAME]

plan (a pure function of the seed) ──► battery: strike, mend, keep the load up ──► checks ──► report
"""
