-- As if it had been claimed once: whoever claims it next reads its journal.
UPDATE runs SET fence = 1, seq = :seq WHERE tenant = :tenant AND id = :id AND fence = 0
