-- key_by_id --
-- The row that a key of ours names. Served by the primary key.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE id = $1

-- key_by_hash --
-- The row of a key that the previous system issued. Served by the unique key_hash.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE key_hash = $1

-- keys_of_client --
-- The keys of a client that signs: its rights stand on them. Served by api_keys_client.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE client_id = $1 ORDER BY created_at, id

-- keys --
-- Every key, for the operator's list.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys ORDER BY created_at, id

-- add_key --
-- A new key. Only its hash is kept.
INSERT INTO api_keys (id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- lock_key --
-- A key that is about to be rotated: two rotations at once become one after the other.
SELECT id, client_id, name, key_hash, scopes, signature_v1, created_at, expires_at, revoked_at, last_used_at
FROM api_keys WHERE id = $1 FOR UPDATE

-- expire_key --
-- Ends a key at an instant, unless it ends earlier anyway.
UPDATE api_keys SET expires_at = LEAST(expires_at, $2::timestamptz) WHERE id = $1

-- revoke_key --
-- Ends a key now. A key that was revoked before keeps its instant.
UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING id

-- allow_v1 --
-- Whether a client may sign version 1, on all its keys.
UPDATE api_keys SET signature_v1 = $2 WHERE client_id = $1 RETURNING id

-- touch_key --
-- When a key was last used, to the minute. Of many processes only the first in a minute writes.
UPDATE api_keys SET last_used_at = $2
WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')
