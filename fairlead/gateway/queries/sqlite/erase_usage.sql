-- A user's calls become nobody's; a tenant's go.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT at, id FROM usage
WHERE tenant = :tenant AND (:user IS NULL OR user_id = :user) LIMIT :batch * 20;
UPDATE usage SET user_id = NULL WHERE :user IS NOT NULL AND (at, id) IN (SELECT at, id FROM gone);
DELETE FROM usage WHERE :user IS NULL AND (at, id) IN (SELECT at, id FROM gone);
SELECT count(*) AS erased, 0 AS waiting FROM gone;
