-- rows: account text, turn int, spent int, have int, sent int, send int, head int, need int, ahead int, waiting int, rule_tenant text, rule_scope text, cap int
-- A process says what it has spent so far and what it keeps, and is granted more: what its waiting calls need (`need`),
-- but at once no more than a tenth of what is free, which others want too and a crash would lose, and nothing that is
-- not enough for the first of them (`head`); or a hundredth of what is free where that is worth `ahead`.
-- Said twice it changes nothing the second time, and what was said before changes nothing afterwards: see `turn`.
WITH asked AS (
    SELECT given.*,
           coalesce(l.limit_nano, given.cap) - a.settled_nano - given.spent - given.have
           - coalesce((SELECT sum(o.spent_nano + o.leased_nano) FROM budget_leases o
                       WHERE o.account = given.account AND o.owner <> :owner), 0)::bigint AS free
    FROM {rows} AS given
    JOIN budget_accounts a ON a.id = given.account
    LEFT JOIN budget_limits l
        ON l.tenant = given.rule_tenant AND l.scope = given.rule_scope AND l.period = a.period
),
granted AS (
    SELECT asked.*,
           CASE WHEN free <= 0 OR free < head THEN 0
                ELSE least(free, greatest(
                    head, least(need, free / 10),
                    CASE WHEN ahead > 0 AND free / 100 >= ahead THEN free / 100 ELSE 0 END))
           END AS more
    FROM asked
)
UPDATE budget_leases AS l
SET turn = g.turn, spent_nano = g.spent, leased_nano = g.have + g.more,
    sent_nano = g.sent + CASE WHEN g.send = 1 THEN g.more ELSE 0 END, granted_nano = g.more, waiting = g.waiting
FROM granted g
WHERE l.account = g.account AND l.owner = :owner AND l.turn < g.turn
