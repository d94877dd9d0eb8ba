"""Checklists that run: what a machine can see it looks at, the rest is asked of a person, and all of it is kept.

    items ──► look_at(facts): the machine's answers ──► ledger ◄── a person's answers
                                                          │
                            judge (pure): lines, verdict ◄┘ ──► report

Main path: `look.look_at` asks each item's check of `checks`; `answer.judge` says what counts and what is missing;
`report` shows it. `look.preflight` is the machine's part of the deploy list, as the first step of a deploy.

May import: the rest of ship, access, database, telemetry, config and below.
"""
