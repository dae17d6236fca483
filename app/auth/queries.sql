-- key_by_id --
-- Select a key by its id. Index: primary key.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE id = $1

-- key_by_hash --
-- Select a key of the previous system by its hash. Index: unique key_hash.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE key_hash = $1

-- keys_of_client --
-- Select the keys of a client that signs requests; they define its scopes. Index: api_keys_client.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE client_id = $1 ORDER BY created_at, id

-- keys --
-- Select all keys.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys ORDER BY created_at, id

-- add_key --
-- Insert a key. Only its hash is stored.
INSERT INTO api_keys (id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- lock_key --
-- Select and lock a key for its rotation, to serialize concurrent rotations.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE id = $1 FOR UPDATE

-- expire_key --
-- Set the expiry of a key, unless it expires earlier.
UPDATE api_keys SET expires_at = LEAST(expires_at, $2::timestamptz) WHERE id = $1

-- revoke_key --
-- Revoke a key. A revoked key keeps its revoked_at.
UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING id

-- allow_v1 --
-- Allow or forbid signature version 1 on all keys of a client.
UPDATE api_keys SET signature_v1 = $2 WHERE client_id = $1 RETURNING id

-- touch_key --
-- Record the last use of a key. Of many processes only the first in a minute writes.
UPDATE api_keys SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')
