UPDATE sessions SET seen_at = :at WHERE digest = :digest AND seen_at < :at
