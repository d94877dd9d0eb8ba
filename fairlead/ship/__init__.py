"""Ships releases: from one to the next, tried, watched, and back when it is worse.

    strategy (pure) ──► next step ──► ledger: begun ──► target: five verbs ──► ledger: over, with a verdict

Main path: `carry_out.CarryOut.run` asks `strategy.next_step`, and writes into the `ledger` what came of it; so it goes
on after its own death. `verdict.judge` says what figures mean, `host` is the first target, `rehearsal` one that is not
real.

May import: database, telemetry, config and below; knows neither agents nor runs.
"""
