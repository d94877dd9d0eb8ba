-- oldest_reader: 1
-- What was seen of a new release and of the stable one beside it, look by look.
CREATE TABLE deploy_looks (
    environment text NOT NULL,
    deploy_id text NOT NULL,
    seq bigint NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    figures text NOT NULL,
    verdict text NOT NULL,
    PRIMARY KEY (environment, deploy_id, seq, number)
);
