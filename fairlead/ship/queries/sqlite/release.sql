SELECT * FROM releases WHERE environment = :environment AND build = :build
