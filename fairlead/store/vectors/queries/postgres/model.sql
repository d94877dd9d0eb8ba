SELECT number, dimensions FROM knowledge_models WHERE name = :model
