DELETE FROM kept_cases WHERE environment = :environment AND tenant = :tenant AND id = :id
