-- document --
-- A registered document, by its hash.
SELECT text FROM persisted_documents WHERE id = $1

-- register_document --
-- The same document again stays as it is.
INSERT INTO persisted_documents (id, client_id, name, text, registered_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING
