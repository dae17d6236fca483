-- Locks: one transaction at a time decides about a diamond, and about the number of a client's holds. They are advisory locks
-- by name, not row locks: a batch of the sync writes ten thousand rows in one transaction, and a request for a hold would wait
-- for all of them. The client's lock is always taken before a diamond's, so there is no deadlock. The locks end with the
-- transaction, and none is held while the supplier is called. If the process is suspended or its machine fails, the database
-- ends the idle transaction after $2 milliseconds, and with it the locks.

-- lock_client --
SELECT set_config('idle_in_transaction_session_timeout', $2, true),
       pg_advisory_xact_lock(hashtextextended('trading client ' || $1::text, 0))

-- lock_diamond --
SELECT set_config('idle_in_transaction_session_timeout', $2, true),
       pg_advisory_xact_lock(hashtextextended('trading stone ' || $1::uuid::text, 0))

-- diamond --
-- A diamond with its availability, by the rule of inventory/catalog/queries.sql.
SELECT id, supplier, supplier_stone_id, offer_id, status = 'active' AS active, shape, carat_milli, lab_grown,
       supplier_price_cents, retail_price_cents, {availability} AS availability
FROM diamonds WHERE id = $1

-- now --
-- The clock that decides when holds expire.
SELECT clock_timestamp()

-- Holds

-- hold_columns --
-- Columns of a hold with its current state: a hold past its expiry is expired or denied, even if its row is not updated yet.
id, diamond_id, client_id, reference, price_cents, supplier_price_cents, requested_at, wanted_until, supplier_hold_id, supplier_until,
reason,
CASE WHEN state = 'active' AND expires_at <= clock_timestamp() THEN 'expired'
     WHEN state = 'requested' AND expires_at <= clock_timestamp() THEN 'denied'
     ELSE state END AS state,
CASE WHEN state <> 'requested' THEN expires_at END AS expires_at,
CASE WHEN ended_at IS NULL AND expires_at <= clock_timestamp() THEN expires_at ELSE ended_at END AS ended_at

-- hold --
SELECT {hold_columns} FROM hold_history WHERE id = $1

-- holds_by_id --
SELECT {hold_columns} FROM hold_history WHERE id = ANY ($1::uuid[])

-- open_hold --
-- The open hold of a diamond.
SELECT {hold_columns} FROM hold_history
WHERE diamond_id = $1 AND state IN ('requested', 'active') AND expires_at > clock_timestamp()

-- overdue_hold --
-- The hold of a diamond that is past its expiry and not closed yet.
SELECT id, state FROM hold_history
WHERE diamond_id = $1 AND state IN ('requested', 'active') AND expires_at <= clock_timestamp()

-- count_open_holds --
-- Number of open holds of a client, and how many of them have the reference $2. Index: hold_history_client.
SELECT count(*) AS of_client, count(*) FILTER (WHERE reference = $2) AS of_reference FROM hold_history
WHERE client_id = $1 AND state IN ('requested', 'active') AND expires_at > clock_timestamp()

-- add_hold --
-- Reserve a diamond for $4 requested minutes. A request without an answer after $5 seconds no longer blocks the diamond. The
-- settlement job examines it after $6 seconds. The second of two concurrent inserts violates hold_history_open.
INSERT INTO hold_history (
    diamond_id, client_id, reference, state, price_cents, supplier_price_cents, requested_at, wanted_until, expires_at,
    due_at
)
SELECT $1, $2, $8, 'requested', $3, $7, now, now + make_interval(mins => $4), now + make_interval(secs => $5),
       now + make_interval(secs => $6)
FROM (SELECT clock_timestamp() AS now) AS clock
RETURNING {hold_columns}

-- postpone_request --
-- The request is sent now, after the release of older holds: the settlement job examines it in $2 seconds from now.
UPDATE hold_history SET due_at = clock_timestamp() + make_interval(secs => $2)
WHERE id = $1 AND state = 'requested' AND expires_at > clock_timestamp()
RETURNING id

-- activate_hold --
-- Activate a hold. $2: the supplier's id; $3: the supplier's expiry, or NULL. The hold is due again when it expires.
UPDATE hold_history
SET state = 'active', supplier_hold_id = $2, supplier_until = $3, expires_at = least(wanted_until, $3),
    due_at = least(wanted_until, $3), attempts = 0
WHERE id = $1 AND state = ANY ($4::text[])
RETURNING {hold_columns}

-- end_hold --
-- End a hold in state $2, now or at its expiry. $3: reason of a denial. Its release at the supplier is due at once if the
-- supplier's hold has not expired (its clock may be a minute behind), or if the supplier may have granted the request ($4).
UPDATE hold_history
SET state = $2, ended_at = least(expires_at, clock_timestamp()), reason = $3, attempts = 0,
    due_at = CASE WHEN $2 <> 'purchased' AND (
                      $4 OR supplier_hold_id IS NOT NULL
                            AND coalesce(supplier_until > clock_timestamp() - interval '1 minute', true)
                  ) THEN clock_timestamp() END
WHERE id = $1 AND state = ANY ($5::text[])
RETURNING {hold_columns}

-- extend_hold --
-- Extend a hold until $2. $3: requested end, which a later extension of the supplier's hold may allow.
UPDATE hold_history SET expires_at = $2, due_at = $2, wanted_until = greatest(wanted_until, $3)
WHERE id = $1 AND state = 'active' AND expires_at > clock_timestamp() AND expires_at < $2
RETURNING {hold_columns}

-- record_supplier_until --
-- Record the new expiry ($2) of the supplier's hold. An active hold is extended up to its requested end, never shortened.
UPDATE hold_history
SET supplier_until = $2, expires_at = greatest(expires_at, least(wanted_until, $2)),
    due_at = greatest(expires_at, least(wanted_until, $2))
WHERE id = $1 AND state = 'active' AND expires_at > clock_timestamp()
RETURNING {hold_columns}

-- any_supplier_hold --
-- Whether an active hold has a hold at the supplier. Index: hold_history_open.
SELECT EXISTS (
    SELECT FROM hold_history
    WHERE state = 'active' AND supplier_hold_id IS NOT NULL AND expires_at > clock_timestamp()
)

-- moved_holds --
-- Active holds whose expiry at the supplier ($1: ids, $2: expiries) differs from the recorded one by a second or more. The
-- earliest expiry comes first. Index: hold_history_supplier.
SELECT held.id, held.diamond_id, listed.until
FROM unnest($1::text[], $2::timestamptz[]) AS listed (supplier_hold_id, until)
JOIN hold_history AS held ON held.supplier_hold_id = listed.supplier_hold_id
WHERE held.state = 'active' AND held.expires_at > clock_timestamp()
  AND (held.supplier_until IS NULL OR abs(extract(epoch FROM held.supplier_until - listed.until)) >= 1)
ORDER BY held.expires_at, held.id LIMIT $3

-- record_late_grant --
-- The supplier granted a hold that has ended: its release is due at once.
UPDATE hold_history SET supplier_hold_id = $2, supplier_until = $3, due_at = clock_timestamp(), attempts = 0
WHERE id = $1 AND ended_at IS NOT NULL

-- unreleased_holds --
-- Ended holds of a diamond that the supplier may still have.
SELECT {hold_columns} FROM hold_history
WHERE diamond_id = $1 AND ended_at IS NOT NULL AND due_at IS NOT NULL

-- supplier_hold_expired --
-- Whether the supplier's hold has certainly expired.
SELECT coalesce(supplier_until < clock_timestamp() - interval '1 minute', false) FROM hold_history WHERE id = $1

-- clear_due --
-- Nothing is due for an ended hold.
UPDATE hold_history SET due_at = NULL WHERE id = $1 AND ended_at IS NOT NULL

-- clear_due_of_diamond --
-- The supplier accepted an order of the diamond, which ends its holds.
UPDATE hold_history SET due_at = NULL WHERE diamond_id = $1 AND ended_at IS NOT NULL AND due_at IS NOT NULL

-- is_known_supplier_hold --
-- Whether a row has this id of the supplier.
SELECT EXISTS (SELECT FROM hold_history WHERE supplier_hold_id = $1)

-- assign_supplier_hold --
-- Record the supplier's id ($2) of an ended hold ($1), unless another row has it. The sync then recognizes the hold in the
-- feed as one of this account.
UPDATE hold_history SET supplier_hold_id = $2
WHERE id = $1 AND NOT EXISTS (SELECT FROM hold_history AS other WHERE other.supplier_hold_id = $2 AND other.id <> $1)
RETURNING id

-- has_other_request --
-- Whether a hold of the diamond $1, other than $2, waits for the supplier's answer: the supplier may show that hold.
SELECT EXISTS (
    SELECT FROM hold_history WHERE diamond_id = $1 AND state = 'requested' AND id IS DISTINCT FROM $2
)

-- queue_supplier_release --
-- The order under the hold was declined: the release of the supplier's hold is due at once.
UPDATE hold_history SET due_at = clock_timestamp(), attempts = 0
WHERE id = $1 AND ended_at IS NOT NULL AND supplier_hold_id IS NOT NULL
  AND coalesce(supplier_until > clock_timestamp() - interval '1 minute', true)

-- claim_due_hold --
-- Claim the hold that has been due for longest. It is postponed first, so a later round repeats the work of a process that
-- stops. Attempts back off exponentially, up to an hour. While the supplier is unavailable ($1 false), only overdue holds are
-- claimed; the others keep their due time.
UPDATE hold_history
SET attempts = attempts + 1,
    due_at = clock_timestamp() + least(interval '30 seconds' * 2 ^ least(attempts, 8), interval '1 hour')
WHERE id = (
    SELECT id FROM hold_history
    WHERE due_at <= clock_timestamp() AND ($1 OR state IN ('requested', 'active') AND expires_at <= clock_timestamp())
    ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, diamond_id, state, supplier_hold_id, supplier_until, ended_at,
          (SELECT supplier_stone_id FROM diamonds WHERE id = diamond_id) AS supplier_stone_id

-- Purchases

-- purchase_state --
-- State of a purchase. The column `state` contains the result of the order ('confirmed': the supplier accepted it);
-- `supplier_answer` is the supplier's later message about an accepted order.
CASE WHEN supplier_answer IS NOT NULL THEN supplier_answer WHEN state = 'confirmed' THEN 'ordered' ELSE state END

-- purchase_columns --
id, diamond_id, client_id, idempotency_key, request_hash, {purchase_state} AS state, price_cents, hold_id, offer_id,
destination_id, reference, comments, return_option, requested_at, sent_at,
CASE WHEN state = 'confirmed' OR supplier_answer IS NOT NULL THEN ended_at END AS ordered_at,
CASE WHEN supplier_answer IS NOT NULL THEN answered_at WHEN state <> 'confirmed' THEN ended_at END AS ended_at,
supplier_order_id, failure_code, failure, resolved_by, resolution, answered_by, answer_reason, checked_at,
supplier_price_cents, price_difference_cents, current_price_cents, order_item_before, order_item_seen, order_item_seen_at,
examined_at, snapshot, return_granted

-- purchase --
SELECT {purchase_columns} FROM purchase_history WHERE id = $1

-- purchases_by_id --
SELECT {purchase_columns} FROM purchase_history WHERE id = ANY ($1::uuid[])

-- purchase_by_key --
-- The purchase of a client by idempotency key. Index: the unique (client_id, idempotency_key).
SELECT {purchase_columns} FROM purchase_history WHERE client_id = $1 AND idempotency_key = $2

-- open_purchase --
-- The purchase of a diamond whose outcome is open.
SELECT {purchase_columns} FROM purchase_history WHERE diamond_id = $1 AND state IN ('pending', 'unknown')

-- add_purchase --
-- Record a purchase before its order. A second one under the key, or for the diamond, violates a unique index.
INSERT INTO purchase_history (
    diamond_id, client_id, idempotency_key, request_hash, state, price_cents, hold_id, offer_id, destination_id,
    reference, comments, return_option, requested_at, snapshot
)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11, clock_timestamp(), (
    SELECT row_to_json(stone) FROM (SELECT {snapshot} FROM diamonds WHERE id = $1) AS stone
))
RETURNING {purchase_columns}

-- mark_purchase_sent --
-- Record that the order is sent now, for the offer $2. An order that was sent or ended before is not sent again. $3: price of
-- the supplier item, if it was read. $4: increase since the hold. $5: order item that the supplier item showed. $6: whether it
-- showed the account's orders.
UPDATE purchase_history
SET sent_at = clock_timestamp(), offer_id = $2, supplier_price_cents = $3, price_difference_cents = $4,
    order_item_before = $5, checked_at = CASE WHEN $6 THEN clock_timestamp() END
WHERE id = $1 AND state = 'pending' AND sent_at IS NULL
RETURNING id

-- quoted_price --
-- The price that the last rejected purchase of the diamond $1 named to the client $2, if the price had changed.
SELECT current_price_cents FROM purchase_history
WHERE diamond_id = $1 AND client_id = $2 AND current_price_cents IS NOT NULL
ORDER BY requested_at DESC, id DESC LIMIT 1

-- claim_unknown_purchase --
-- Claim the next purchase of unknown outcome for an examination at the supplier, at growing intervals. A purchase whose order
-- was seen is not examined again. Index: purchase_history_unknown.
UPDATE purchase_history
SET examinations = examinations + 1,
    examine_at = clock_timestamp() + least(interval '2 minutes' * 2 ^ least(examinations, 8), interval '6 hours')
WHERE id = (
    SELECT id FROM purchase_history
    WHERE state = 'unknown' AND order_item_seen IS NULL AND coalesce(examine_at <= clock_timestamp(), true)
    ORDER BY examine_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {purchase_columns}

-- supplier_stone_id --
-- The supplier's id of a diamond.
SELECT supplier_stone_id FROM diamonds WHERE id = $1

-- record_examination --
-- Record that the supplier item was read after the order. $2: a new order item that it showed; NULL proves nothing. The first
-- order item found is kept.
UPDATE purchase_history
SET examined_at = clock_timestamp(), order_item_seen = coalesce(order_item_seen, $2),
    order_item_seen_at = CASE WHEN $2 IS NOT NULL THEN coalesce(order_item_seen_at, clock_timestamp()) ELSE order_item_seen_at END
WHERE id = $1 AND state = 'unknown'
RETURNING {purchase_columns}

-- order_purchase --
-- Record that the supplier accepted the order, with the id $2.
UPDATE purchase_history
SET state = 'confirmed', ended_at = clock_timestamp(), supplier_order_id = $2, resolved_by = $3, resolution = $4
WHERE id = $1 AND {purchase_state} = ANY ($5::text[])
RETURNING {purchase_columns}

-- answer_purchase --
-- Record the supplier's later message ($2: confirmed or declined). $3: the operator; $4: the reason; $5: the order's id, if
-- the message names it; $7: whether it grants the return, if it says so.
UPDATE purchase_history
SET supplier_answer = $2, answered_at = clock_timestamp(), answered_by = $3, answer_reason = $4,
    supplier_order_id = coalesce($5, supplier_order_id), return_granted = coalesce($7, return_granted)
WHERE id = $1 AND {purchase_state} = ANY ($6::text[])
RETURNING {purchase_columns}

-- fail_purchase --
-- Record that no order was placed. $2: code for clients; $3: reason; $7: the client's current price, if it has changed.
UPDATE purchase_history
SET state = 'failed', ended_at = clock_timestamp(), failure_code = $2, failure = $3, resolved_by = $4, resolution = $5,
    current_price_cents = $7
WHERE id = $1 AND {purchase_state} = ANY ($6::text[])
RETURNING {purchase_columns}

-- mark_purchase_unknown --
-- Record that the order was sent and its outcome is unknown.
UPDATE purchase_history SET state = 'unknown' WHERE id = $1 AND {purchase_state} = ANY ($2::text[])
RETURNING {purchase_columns}

-- abandoned_purchases --
-- Purchases that have been pending for longer than any call takes ($1 seconds since the request or the sending): their
-- process has stopped.
SELECT id, diamond_id FROM purchase_history
WHERE state = 'pending' AND coalesce(sent_at, requested_at) < clock_timestamp() - make_interval(secs => $1)
ORDER BY requested_at LIMIT $2

-- claim_unanswered_purchases --
-- Claim the orders that the supplier accepted $1 seconds ago or earlier without a recorded answer. Each is claimed once, for
-- its reminder. Index: purchase_history_unanswered.
UPDATE purchase_history SET reminded_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM purchase_history
    WHERE state = 'confirmed' AND supplier_answer IS NULL AND reminded_at IS NULL
      AND ended_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING {purchase_columns}

-- declined_and_synced --
-- Declined orders whose diamond a completed run of the feed $1 has read since the answer, each with the run. The run's
-- consolidation has written the supplier's availability. Indexes: purchase_history_declined and the key of stones_seen.
SELECT declined.id, declined.diamond_id, seen.run_id
FROM purchase_history AS declined
JOIN diamonds ON diamonds.id = declined.diamond_id
JOIN stones_seen AS seen ON seen.feed = $1 AND seen.supplier_stone_id = diamonds.supplier_stone_id
JOIN run_metadata AS run ON run.id = seen.run_id
WHERE declined.state = 'confirmed' AND declined.supplier_answer = 'declined'
  AND seen.observed_at > declined.answered_at AND run.status = 'completed'
ORDER BY declined.answered_at LIMIT $2

-- release_declined --
-- Return the diamond of a declined order to the sync, which alone decides its availability then.
UPDATE purchase_history SET state = 'failed', failure_code = $2, failure = answer_reason
WHERE id = $1 AND state = 'confirmed' AND supplier_answer = 'declined'
RETURNING id

-- Records for clients and operators. $1 to $3 and $7 (reference): filter, NULL matches all. Indexes: by client, by diamond, or by
-- request time.

-- page_of_holds --
-- Newest first, after ($4, $5).
SELECT * FROM (
    SELECT {hold_columns} FROM hold_history
    WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
      AND ($4::timestamptz IS NULL OR (requested_at, id) < ($4, $5::uuid)) AND ($7::text IS NULL OR reference = $7)
) AS held
WHERE $3::text[] IS NULL OR state = ANY ($3)
ORDER BY requested_at DESC, id DESC LIMIT $6

-- count_of_holds --
SELECT count(*) FROM (
    SELECT {hold_columns} FROM hold_history
    WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
      AND ($4::text IS NULL OR reference = $4)
) AS held
WHERE $3::text[] IS NULL OR state = ANY ($3)

-- page_of_purchases --
-- Newest first, after ($4, $5).
SELECT {purchase_columns} FROM purchase_history
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
  AND ($3::text[] IS NULL OR {purchase_state} = ANY ($3))
  AND ($4::timestamptz IS NULL OR (requested_at, id) < ($4, $5::uuid)) AND ($7::text IS NULL OR reference = $7)
ORDER BY requested_at DESC, id DESC LIMIT $6

-- count_of_purchases --
SELECT count(*) FROM purchase_history
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
  AND ($3::text[] IS NULL OR {purchase_state} = ANY ($3)) AND ($4::text IS NULL OR reference = $4)

-- find_purchase --
-- The newest purchase that matches every criterion: $1 client, $2 id, $3 reference, $4 idempotency key; NULL matches all. Indexes:
-- the primary key, the unique (client_id, idempotency_key), or purchase_history_client.
SELECT {purchase_columns} FROM purchase_history
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR id = $2) AND ($3::text IS NULL OR reference = $3)
  AND ($4::text IS NULL OR idempotency_key = $4)
ORDER BY requested_at DESC, id DESC LIMIT 1

-- history --
-- History of the diamond $1, newest first, after ($2, $3): its holds and purchases, whose rows are never deleted, and the
-- retained events of the kinds $5. The key of an event is computed from its position, its only stable id.
SELECT at, key, event, client_id, hold_id, purchase_id, run_id, data FROM (
    SELECT requested_at AS at, id AS key, NULL AS event, client_id, id AS hold_id, NULL::uuid AS purchase_id,
           NULL::uuid AS run_id, '{{}}'::jsonb AS data
    FROM hold_history WHERE diamond_id = $1
    UNION ALL
    SELECT requested_at, id, NULL, client_id, hold_id, id, NULL, '{{}}'::jsonb
    FROM purchase_history WHERE diamond_id = $1
    UNION ALL
    SELECT occurred_at, md5(position::text)::uuid, kind, client_id, hold_id, purchase_id, run_id, data
    FROM event_log WHERE diamond_ids @> ARRAY[$1] AND position IS NOT NULL AND kind = ANY ($5::text[])
) AS entry
WHERE $2::timestamptz IS NULL OR (at, key) < ($2, $3::uuid)
ORDER BY at DESC, key DESC LIMIT $4
