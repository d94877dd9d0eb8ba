-- Where `latest_threads_of_user` has stopped looking; nothing: it has seen them all.
SELECT updated_at, id FROM threads WHERE tenant = :tenant AND user_id = :user_id AND (updated_at, id) < (:before_at, :before_id)
ORDER BY updated_at DESC, id DESC LIMIT 1 OFFSET :looked_at - 1
