-- oldest_reader: 1
-- What was said of each item of a checklist. `about`: the release or the incident; `asked`: a machine or a person. A row is written once, and the newest counts.
CREATE TABLE checklist_answers (
    seq integer PRIMARY KEY AUTOINCREMENT,
    environment text NOT NULL,
    list text NOT NULL,
    item text NOT NULL,
    about text NOT NULL,
    result text NOT NULL,
    said text NOT NULL,
    reference text NOT NULL,
    asked text NOT NULL,
    name text NOT NULL,
    at bigint NOT NULL
);
CREATE INDEX checklist_answers_newest ON checklist_answers (environment, list, item, asked, about, seq);
