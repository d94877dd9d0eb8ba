-- rows: item text, list text, about text, result text, said text, reference text, asked text, name text
INSERT INTO checklist_answers (environment, list, item, about, result, said, reference, asked, name, at)
SELECT :environment, given.list, given.item, given.about, given.result, given.said, given.reference, given.asked, given.name, {now}
FROM {rows} given
WHERE true
