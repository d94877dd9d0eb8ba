INSERT INTO knowledge_models (name, dimensions, created_at) VALUES (:model, :dimensions, {now})
ON CONFLICT (name) DO NOTHING
