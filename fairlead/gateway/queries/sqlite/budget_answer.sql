-- rows: account text, turn int, spent int, have int, sent int, send int, head int, need int, ahead int, waiting int, rule_tenant text, rule_scope text, cap int
-- No row: this process was declared lost, and what it had sent is charged.
SELECT mine.account, mine.granted_nano, mine.sent_nano, a.warned,
       coalesce(l.limit_nano, given.cap) AS limit_nano,
       a.settled_nano + all_of.spent AS spent_nano, all_of.leased AS leased_nano, all_of.waiting - mine.waiting AS others
FROM {rows} AS given
JOIN budget_accounts a ON a.id = given.account
JOIN budget_leases mine ON mine.account = given.account AND mine.owner = :owner
JOIN (SELECT account, sum(spent_nano) AS spent, sum(leased_nano) AS leased, sum(waiting) AS waiting
      FROM budget_leases WHERE account IN (SELECT account FROM {rows} AS these) GROUP BY account) AS all_of
    ON all_of.account = given.account
LEFT JOIN budget_limits l ON l.tenant = given.rule_tenant AND l.scope = given.rule_scope AND l.period = a.period
ORDER BY mine.account
