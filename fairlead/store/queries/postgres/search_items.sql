-- rows: path text, op text, operand text
-- The same with any of the words; the best first.
SELECT namespace, key, value, ttl_us, created_at, updated_at, ts_rank_cd(words, q.query, 1)::float8 AS score
FROM store_items i, replace(plainto_tsquery('english', :query::text)::text, '&', '|') AS given,
     LATERAL (SELECT given::tsquery AS query) AS q
WHERE i.words @@ q.query AND i.tenant = :tenant AND (:prefix::text = '' OR i.namespace = :prefix::text OR (i.namespace > :prefix::text || '.' AND i.namespace < :prefix::text || '/'))
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
ORDER BY score DESC, namespace, key LIMIT :limit OFFSET :offset
