-- Budgets of a user, or of all of the tenant, that no process has leased money of.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT id FROM budget_accounts a
WHERE tenant = :tenant AND (:user IS NULL OR scope = 'user:' || :user)
  AND NOT EXISTS (SELECT 1 FROM budget_leases l WHERE l.account = a.id);
DELETE FROM budget_accounts WHERE id IN (SELECT id FROM gone);
SELECT (SELECT count(*) FROM gone) AS erased, EXISTS (
    SELECT 1 FROM budget_accounts WHERE tenant = :tenant AND (:user IS NULL OR scope = 'user:' || :user)) AS waiting;
