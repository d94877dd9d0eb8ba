-- Whoever comes second finds another `seq`, and adds nothing.
UPDATE audit_heads SET seq = :seq, hash = :hash WHERE tenant = :tenant AND seq = :expected
RETURNING seq
