-- rows: path text, op text, operand text
-- The same with any of the words; the best first.
SELECT namespace, key, value, ttl_us, created_at, updated_at, -bm25(store_words) AS score
FROM store_words JOIN store_items i ON i.number = store_words.rowid
WHERE store_words MATCH :query AND i.tenant = :tenant AND (:prefix = '' OR i.namespace = :prefix OR (i.namespace > :prefix || '.' AND i.namespace < :prefix || '/'))
  AND (i.expires_at IS NULL OR i.expires_at > :now)
  AND NOT EXISTS (
    SELECT 1 FROM {rows} AS f WHERE NOT coalesce(CASE f.op
        WHEN '$eq' THEN coalesce(i.value -> f.path, 'null') = f.operand OR (
            json_type(i.value, f.path) IN ('integer', 'real') AND json_type(f.operand) IN ('integer', 'real')
            AND i.value ->> f.path = f.operand ->> '$')
        WHEN '$ne' THEN coalesce(i.value -> f.path, 'null') <> f.operand AND coalesce(NOT (
            json_type(i.value, f.path) IN ('integer', 'real') AND json_type(f.operand) IN ('integer', 'real')
            AND i.value ->> f.path = f.operand ->> '$'), true)
        ELSE ((json_type(i.value, f.path) IN ('integer', 'real') AND json_type(f.operand) IN ('integer', 'real'))
              OR (json_type(i.value, f.path) = 'text' AND json_type(f.operand) = 'text'))
            AND CASE f.op
                WHEN '$gt' THEN i.value ->> f.path > f.operand ->> '$'
                WHEN '$gte' THEN i.value ->> f.path >= f.operand ->> '$'
                WHEN '$lt' THEN i.value ->> f.path < f.operand ->> '$'
                ELSE i.value ->> f.path <= f.operand ->> '$' END
        END, false))
ORDER BY score DESC, namespace, key LIMIT :limit OFFSET :offset
