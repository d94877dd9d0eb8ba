-- Budgets of a user, or of all of the tenant, that no process has leased money of.
WITH theirs AS MATERIALIZED (
    SELECT id FROM budget_accounts
    WHERE tenant = :tenant AND (:user::text IS NULL OR scope = 'user:' || :user) ORDER BY id FOR UPDATE
),
gone AS (
    DELETE FROM budget_accounts a USING theirs
    WHERE a.id = theirs.id AND NOT EXISTS (SELECT 1 FROM budget_leases l WHERE l.account = a.id) RETURNING a.id
)
SELECT (SELECT count(*) FROM gone)::bigint AS erased, (SELECT count(*) FROM gone) < (SELECT count(*) FROM theirs) AS waiting
