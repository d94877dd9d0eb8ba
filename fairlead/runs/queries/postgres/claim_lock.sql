-- With a limit on all running runs together, claims take turns.
SELECT pg_advisory_xact_lock(hashtextextended('fairlead claim', 0))
