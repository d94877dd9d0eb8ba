SELECT id FROM runs WHERE owner = :worker AND status = 'running' AND cancel_requested
