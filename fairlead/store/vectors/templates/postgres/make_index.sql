CREATE INDEX IF NOT EXISTS knowledge_vectors_near_{number} ON knowledge_vectors
USING hnsw ((embedding::{type}) {type_name}_cosine_ops) WHERE model = {number}
