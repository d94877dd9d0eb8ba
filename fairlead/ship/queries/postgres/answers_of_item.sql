SELECT * FROM checklist_answers WHERE environment = :environment AND item = :item ORDER BY seq DESC LIMIT :limit
