-- In its transaction: look on beyond the nearest of all tenants until enough are of this one.
SELECT set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', '100', true)
