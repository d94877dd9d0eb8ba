-- oldest_reader: 1
-- Who asked for a run, and on what terms; what a thread kept after each of its runs; questions with any answer.
ALTER TABLE runs ADD COLUMN user_id text;
ALTER TABLE runs ADD COLUMN asker text;
ALTER TABLE runs ADD COLUMN terms text;
-- To go when it has ended: 'rollback' at once and without a trace in its thread, 'ended' when its caller has read it.
ALTER TABLE runs ADD COLUMN discard text;
CREATE INDEX runs_of_user ON runs (tenant, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX runs_open_in_thread ON runs (tenant, thread_id) WHERE thread_id IS NOT NULL AND finished_at IS NULL;
CREATE INDEX runs_to_discard ON runs (finished_at) WHERE discard IS NOT NULL;

ALTER TABLE threads ADD COLUMN user_id text;
ALTER TABLE threads ADD COLUMN checkpoint_id text;
ALTER TABLE threads ADD COLUMN ttl text;
ALTER TABLE threads ADD COLUMN expires_at bigint;
CREATE INDEX threads_of_user ON threads (tenant, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX threads_to_expire ON threads (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE checkpoints (
    tenant text NOT NULL,
    thread_id text NOT NULL,
    id text NOT NULL,
    parent_id text,
    run_id text,
    source text NOT NULL,
    node text,
    state text,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, thread_id, id)
);
CREATE INDEX checkpoints_in_order ON checkpoints (tenant, thread_id, created_at, id);

ALTER TABLE approvals ADD COLUMN kind text NOT NULL DEFAULT 'approval';
ALTER TABLE approvals ADD COLUMN answer text;
