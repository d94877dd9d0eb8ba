-- rows: path text, op text, operand text
-- Of a prefix and fitting a filter; those that changed last first.
SELECT namespace, key, value, ttl_us, created_at, updated_at, NULL::float8 AS score FROM store_items i
WHERE i.tenant = :tenant AND (:prefix::text = '' OR i.namespace = :prefix::text OR (i.namespace > :prefix::text || '.' AND i.namespace < :prefix::text || '/'))
  AND (i.expires_at IS NULL OR i.expires_at > :now)
  AND NOT EXISTS (
    SELECT 1 FROM {rows} AS f,
        LATERAL (SELECT coalesce(i.value #> ARRAY(SELECT jsonb_array_elements_text(f.path::jsonb)), 'null') AS got,
                        f.operand::jsonb AS wanted) AS v
    WHERE NOT coalesce(CASE f.op
        WHEN '$eq' THEN v.got = v.wanted
        WHEN '$ne' THEN v.got <> v.wanted
        ELSE jsonb_typeof(v.got) = jsonb_typeof(v.wanted) AND jsonb_typeof(v.got) IN ('number', 'string')
            AND CASE f.op
                WHEN '$gt' THEN v.got > v.wanted
                WHEN '$gte' THEN v.got >= v.wanted
                WHEN '$lt' THEN v.got < v.wanted
                ELSE v.got <= v.wanted END
        END, false))
ORDER BY updated_at DESC, namespace, key LIMIT :limit OFFSET :offset
