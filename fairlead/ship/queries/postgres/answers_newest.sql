SELECT a.* FROM checklist_answers a
JOIN (SELECT max(seq) AS seq FROM checklist_answers WHERE environment = :environment AND list = :list
      GROUP BY item, asked, about) last ON last.seq = a.seq
ORDER BY a.seq
