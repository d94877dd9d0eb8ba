-- A user's: those with the user among the labels of their namespace.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT number FROM store_items
WHERE tenant = :tenant AND (:user IS NULL OR instr('.' || namespace || '.', '.' || :user || '.') > 0) LIMIT :batch;
DELETE FROM store_words WHERE rowid IN (SELECT number FROM gone);
DELETE FROM store_items WHERE number IN (SELECT number FROM gone);
SELECT count(*) AS erased, 0 AS waiting FROM gone;
