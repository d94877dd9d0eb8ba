-- Lines of ours, grouped: by what happened, to what, how it ended, and in which hour. {lines} is where they come from,
-- $cutoff the oldest that count (ms since 1970), $slow how long a slow request takes (ms).
INSERT INTO groups
WITH timed AS (
    SELECT *, epoch_ms(TRY_CAST(timestamp AS TIMESTAMPTZ)) AS moment FROM {lines}
), parted AS (
    SELECT *, CASE
        WHEN event IS NULL AND timestamp IS NULL AND level IS NULL AND message IS NULL AND latency_ms IS NULL THEN 'strange'
        WHEN moment < $cutoff THEN 'older'
        WHEN moment IS NULL AND $cutoff IS NOT NULL THEN 'timeless'
        ELSE 'kept' END AS part
    FROM timed
), told AS (
    SELECT part, moment, latency_ms AS took, tokens, cost_usd AS cost, event,
        CASE event WHEN 'http_request' THEN method WHEN 'llm_call' THEN provider END AS family,
        CASE event WHEN 'http_request' THEN endpoint WHEN 'llm_call' THEN model WHEN 'tool_result' THEN tool
            WHEN 'agent_completed' THEN agent END AS name,
        coalesce(status_code, status) AS status,
        moment // 3600000 AS hour,
        CASE WHEN level IN ('error', 'critical', 'fatal') THEN
            regexp_replace(substr(concat_ws(': ', coalesce(code, event), message), 1, 200), '[0-9a-f]*[0-9][0-9a-f]*', '#', 'g')
        END AS wrong,
        CASE WHEN latency_ms > $slow AND event = 'http_request' THEN {
            'id': coalesce(request_id, run_id), 'name': concat_ws(' ', method, endpoint), 'status': status_code,
            'moment': moment, 'took': latency_ms} END AS slow
    FROM parted
)
SELECT part, event, concat_ws(CASE event WHEN 'llm_call' THEN '/' ELSE ' ' END, family, name) AS name, status, hour, wrong,
    count(*), count(took), sum(took), max(took),
    histogram(CAST(floor(ln(greatest(least(took, 1e12), 0.001)) * 50) AS SMALLINT)),
    sum(tokens), sum(cost), min(moment), max(moment),
    max_by(slow, took, 20) FILTER (WHERE slow IS NOT NULL)
FROM told GROUP BY part, event, family, told.name, status, hour, wrong
