SELECT * FROM deploy_looks WHERE environment = :environment AND deploy_id = :id ORDER BY seq, number
