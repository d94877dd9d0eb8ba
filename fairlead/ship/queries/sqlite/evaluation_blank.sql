UPDATE evaluations SET outcomes = :outcomes WHERE environment = :environment AND id = :id
