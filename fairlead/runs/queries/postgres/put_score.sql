-- Once by each author: said again, it is changed.
INSERT INTO scores (tenant, run_id, id, name, kind, number, category, comment, source, author, step_key, agent, release, assistant_id,
                    assistant_version, created_at, updated_at)
VALUES (:tenant, :run_id, :id, :name, :kind, :number::float8, :category::text, :comment::text, :source, :author, :step_key::text, :agent, :release, :assistant_id,
        :assistant_version, :now, :now)
ON CONFLICT (tenant, run_id, id) DO UPDATE
SET kind = excluded.kind, number = excluded.number, category = excluded.category, comment = excluded.comment,
    updated_at = excluded.updated_at
RETURNING *
