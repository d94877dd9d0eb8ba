SELECT s.*, {now} AS now FROM schedules s WHERE enabled AND next_at <= {now} ORDER BY next_at LIMIT :limit
