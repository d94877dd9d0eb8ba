SELECT * FROM deploy_steps WHERE environment = :environment AND deploy_id = :id ORDER BY seq
