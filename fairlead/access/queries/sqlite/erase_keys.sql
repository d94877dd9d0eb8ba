-- Keys of a tenant that is erased, once every process has heard that they are revoked; and what opened them.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT id FROM api_keys WHERE tenant = :tenant AND revoked_at < :before ORDER BY id LIMIT :batch;
DELETE FROM api_key_secrets WHERE tenant = :tenant AND key_id IN (SELECT id FROM gone);
DELETE FROM api_keys WHERE tenant = :tenant AND id IN (SELECT id FROM gone);
SELECT (SELECT count(*) FROM gone) AS erased, EXISTS (SELECT 1 FROM api_keys WHERE tenant = :tenant) AS waiting;
