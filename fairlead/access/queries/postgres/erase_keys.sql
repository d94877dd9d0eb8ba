-- Keys of a tenant that is erased, once every process has heard that they are revoked; and what opened them.
WITH gone AS MATERIALIZED (
    SELECT tenant, id FROM api_keys WHERE tenant = :tenant AND revoked_at < :before ORDER BY id LIMIT :batch FOR UPDATE
),
secrets AS (
    DELETE FROM api_key_secrets s USING gone WHERE s.tenant = gone.tenant AND s.key_id = gone.id
),
keys AS (DELETE FROM api_keys k USING gone WHERE k.tenant = gone.tenant AND k.id = gone.id)
SELECT (SELECT count(*) FROM gone)::bigint AS erased,
       EXISTS (SELECT 1 FROM api_keys WHERE tenant = :tenant AND id NOT IN (SELECT id FROM gone)) AS waiting
