-- The last one that `search` looks at; nothing where it comes to an end before.
SELECT id FROM runs WHERE tenant = :tenant AND id < :before AND id >= :oldest
ORDER BY id DESC LIMIT 1 OFFSET :look
