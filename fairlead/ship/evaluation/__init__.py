"""Evaluates a release: cases are put to its agents, scorers say what the answers are worth, a gate says yes or no.

    suite (a file) ──► evaluate: cases x trials, each asked and scored ──► gate (pure): findings ──► book
                                                                           compare (pure): two of them

Main path: `evaluate.evaluate`. Who is asked is behind a door (`ask.Ask`), so is the model that judges (`ask.AskModel`).
`suite` and `scorers` need the extra `evaluate`; the others do not.

May import: what `ship` may.
"""
