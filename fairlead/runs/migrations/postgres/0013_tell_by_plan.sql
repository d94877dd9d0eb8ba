-- oldest_reader: 1
-- The end of a run looks for webhooks, which most have none of. PostgreSQL plans a function in SQL anew at each call, and
-- one in PL/pgSQL once for a connection.
CREATE OR REPLACE FUNCTION fairlead_tell(of_tenant text, of_agent text, of_run text, what text, said json) RETURNS void
LANGUAGE plpgsql AS '
DECLARE now bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT of_tenant, ''msg_'' || replace(gen_random_uuid()::text, ''-'', ''''), w.id, w.id, of_run, what, said::text, now,
           now + 86400000000, now
    FROM webhooks w
    WHERE w.tenant = of_tenant AND w.enabled AND w.id <> ''runs'' AND (w.agent IS NULL OR w.agent = of_agent)
      AND EXISTS (SELECT 1 FROM json_array_elements_text(w.types::json) AS one
                  WHERE one IN (''*'', what, split_part(what, ''.'', 1) || ''.*''));
END';

CREATE OR REPLACE FUNCTION fairlead_tell_run() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE said json;
        now bigint;
BEGIN
    IF NEW.webhook IS NULL AND NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.tenant = NEW.tenant AND w.id <> ''runs'') THEN
        RETURN NULL;
    END IF;
    said := json_build_object(''status'', NEW.status, ''reason'', NEW.reason, ''seq'', NEW.seq);
    IF NEW.webhook IS NOT NULL THEN
        now := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
        INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
        VALUES (NEW.tenant, ''msg_'' || replace(gen_random_uuid()::text, ''-'', ''''), ''runs'', ''runs '' || NEW.webhook,
                NEW.webhook, NEW.id, ''run.'' || NEW.status, said::text, now, now + 86400000000, now);
    END IF;
    PERFORM fairlead_tell(NEW.tenant, NEW.agent, NEW.id, ''run.'' || NEW.status, said);
    RETURN NULL;
END';
