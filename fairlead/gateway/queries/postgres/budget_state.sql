-- What runs now, of one tenant or ('*') of all.
SELECT a.tenant, a.scope, a.period, a.starts_at, a.ends_at, a.warned,
       (a.settled_nano + coalesce(sum(l.spent_nano), 0))::bigint AS spent_nano,
       coalesce(sum(l.leased_nano), 0)::bigint AS held_nano
FROM budget_accounts a LEFT JOIN budget_leases l ON l.account = a.id
WHERE (a.tenant = :tenant::text OR :tenant::text = '*')
  AND a.starts_at <= :now::bigint AND (a.ends_at IS NULL OR a.ends_at > :now::bigint)
GROUP BY a.id
ORDER BY a.tenant, a.scope, a.period
