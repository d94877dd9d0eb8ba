SELECT tenant, id, day_nano, month_nano, total_nano FROM api_keys
WHERE revoked_at IS NULL AND (day_nano IS NOT NULL OR month_nano IS NOT NULL OR total_nano IS NOT NULL)
