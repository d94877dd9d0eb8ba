-- Only what was seen: two who rotate at once must not lose each other's secret.
UPDATE webhooks SET url = :url, agent = :agent, types = :types, description = :description, secrets = :secrets,
    enabled = :enabled, failing_since = CASE WHEN :enabled AND NOT enabled THEN NULL ELSE failing_since END,
    disabled_reason = CASE WHEN :enabled THEN NULL ELSE coalesce(disabled_reason, :reason) END
WHERE tenant = :tenant AND id = :id AND secrets = :expected
RETURNING *
