-- Locks: one transaction at a time decides about a stone, and about how much a client may hold. They are advisory and by
-- name, not on the stone's row: a batch of the sync writes ten thousand rows in one transaction, and a request for a hold
-- would wait for all of them. Always the client's first and then one stone's, so there is no deadlock. They end with
-- the transaction, and none is held while the supplier is asked. A process that stands still in between, or whose machine
-- is gone without a word, loses its transaction after a while ($2: milliseconds), and with it the locks.

-- lock_client --
SELECT set_config('idle_in_transaction_session_timeout', $2, true),
       pg_advisory_xact_lock(hashtextextended('trading client ' || $1::text, 0))

-- lock_stone --
SELECT set_config('idle_in_transaction_session_timeout', $2, true),
       pg_advisory_xact_lock(hashtextextended('trading stone ' || $1::uuid::text, 0))

-- stone --
-- A stone as it stands, with its availability by the one rule (inventory/catalog/queries.sql).
SELECT id, supplier, supplier_stone_id, offer_id, status = 'active' AS active, shape, carat_milli, lab_grown,
       supplier_price_cents, retail_price_cents, {availability} AS availability
FROM diamonds WHERE id = $1

-- now --
-- The one clock by which holds end.
SELECT clock_timestamp()

-- Holds

-- hold_columns --
-- A hold as time has it: past its end it is over, whether its row says so or not.
id, diamond_id, client_id, price_cents, supplier_price_cents, requested_at, wanted_until, supplier_hold_id, supplier_until,
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
-- The hold that keeps a stone from others right now.
SELECT {hold_columns} FROM hold_history
WHERE diamond_id = $1 AND state IN ('requested', 'active') AND expires_at > clock_timestamp()

-- overdue_hold --
-- The hold of a stone that has expired and is not closed yet.
SELECT id, state FROM hold_history
WHERE diamond_id = $1 AND state IN ('requested', 'active') AND expires_at <= clock_timestamp()

-- count_open_holds --
-- How many stones a client holds now. Served by hold_history_client.
SELECT count(*) FROM hold_history
WHERE client_id = $1 AND state IN ('requested', 'active') AND expires_at > clock_timestamp()

-- add_hold --
-- Reserves a stone: $4 minutes are wanted. If its outcome is still unknown after $5 seconds, it no longer blocks the stone;
-- after $6 seconds the job looks. Of two at once the second fails on hold_history_open.
INSERT INTO hold_history (
    diamond_id, client_id, state, price_cents, supplier_price_cents, requested_at, wanted_until, expires_at, due_at
)
SELECT $1, $2, 'requested', $3, $7, now, now + make_interval(mins => $4), now + make_interval(secs => $5),
       now + make_interval(secs => $6)
FROM (SELECT clock_timestamp() AS now) AS clock
RETURNING {hold_columns}

-- put_off_request --
-- The supplier is asked for it only now, because something had to be done before: the job looks in $2 seconds from here.
UPDATE hold_history SET due_at = clock_timestamp() + make_interval(secs => $2)
WHERE id = $1 AND state = 'requested' AND expires_at > clock_timestamp()
RETURNING id

-- activate_hold --
-- The supplier holds it ($2), until $3 if it says so. Due again when it ends.
UPDATE hold_history
SET state = 'active', supplier_hold_id = $2, supplier_until = $3, expires_at = least(wanted_until, $3),
    due_at = least(wanted_until, $3), attempts = 0
WHERE id = $1 AND state = ANY ($4::text[])
RETURNING {hold_columns}

-- end_hold --
-- It ends as $2, now or when its time had passed. $3: why it was denied. What the supplier may still hold is due for the
-- job at once: a hold that it has and that has not ended by itself (its clock may be a minute behind), or ($4) a request
-- that it may have granted.
UPDATE hold_history
SET state = $2, ended_at = least(expires_at, clock_timestamp()), reason = $3, attempts = 0,
    due_at = CASE WHEN $2 <> 'purchased' AND (
                      $4 OR supplier_hold_id IS NOT NULL
                            AND coalesce(supplier_until > clock_timestamp() - interval '1 minute', true)
                  ) THEN clock_timestamp() END
WHERE id = $1 AND state = ANY ($5::text[])
RETURNING {hold_columns}

-- extend_hold --
-- Lasts until $2. $3: until when it is wanted, which the supplier's hold may allow later.
UPDATE hold_history SET expires_at = $2, due_at = $2, wanted_until = greatest(wanted_until, $3)
WHERE id = $1 AND state = 'active' AND expires_at > clock_timestamp() AND expires_at < $2
RETURNING {hold_columns}

-- note_supplier_until --
-- The supplier's hold of an active hold ends at $2 now. The hold ends later with it, as far as it was wanted, and never earlier
-- than before.
UPDATE hold_history
SET supplier_until = $2, expires_at = greatest(expires_at, least(wanted_until, $2)),
    due_at = greatest(expires_at, least(wanted_until, $2))
WHERE id = $1 AND state = 'active' AND expires_at > clock_timestamp()
RETURNING {hold_columns}

-- any_supplier_hold --
-- Whether any hold is active that the supplier knows. Served by hold_history_open.
SELECT EXISTS (
    SELECT FROM hold_history
    WHERE state = 'active' AND supplier_hold_id IS NOT NULL AND expires_at > clock_timestamp()
)

-- moved_holds --
-- Active holds whose end at the supplier ($1: its ids, $2: their ends) is another than the recorded one by a second or more,
-- those that end first coming first. Served by hold_history_supplier.
SELECT held.id, held.diamond_id, listed.until
FROM unnest($1::text[], $2::timestamptz[]) AS listed (supplier_hold_id, until)
JOIN hold_history AS held ON held.supplier_hold_id = listed.supplier_hold_id
WHERE held.state = 'active' AND held.expires_at > clock_timestamp()
  AND (held.supplier_until IS NULL OR abs(extract(epoch FROM held.supplier_until - listed.until)) >= 1)
ORDER BY held.expires_at, held.id LIMIT $3

-- note_late_hold --
-- The supplier grants a hold that has ended here: it must be released.
UPDATE hold_history SET supplier_hold_id = $2, supplier_until = $3, due_at = clock_timestamp(), attempts = 0
WHERE id = $1 AND ended_at IS NOT NULL

-- unreleased_holds --
-- Holds of a stone that are over here, and that the supplier may still have.
SELECT {hold_columns} FROM hold_history
WHERE diamond_id = $1 AND ended_at IS NOT NULL AND due_at IS NOT NULL

-- ended_by_itself --
-- Whether the supplier's hold has certainly ended without us.
SELECT coalesce(supplier_until < clock_timestamp() - interval '1 minute', false) FROM hold_history WHERE id = $1

-- nothing_due --
-- Nothing is left to be done for a hold that is over.
UPDATE hold_history SET due_at = NULL WHERE id = $1 AND ended_at IS NOT NULL

-- nothing_due_for_stone --
-- The supplier has sold the stone to us, and with that ended his holds on it.
UPDATE hold_history SET due_at = NULL WHERE diamond_id = $1 AND ended_at IS NOT NULL AND due_at IS NOT NULL

-- known_supplier_hold --
-- Whether a hold that the supplier shows is one that we know.
SELECT EXISTS (SELECT FROM hold_history WHERE supplier_hold_id = $1)

-- own_supplier_hold --
-- A hold that the supplier shows ($2) on the stone of one that is over ($1) is that one, unless it is known as another.
-- Written down, so that its mirror in the feed is known when it comes.
UPDATE hold_history SET supplier_hold_id = $2
WHERE id = $1 AND NOT EXISTS (SELECT FROM hold_history AS other WHERE other.supplier_hold_id = $2 AND other.id <> $1)
RETURNING id

-- is_being_asked_for --
-- Whether a hold of the stone $1 waits for its answer, other than $2: what the supplier shows may be that one.
SELECT EXISTS (
    SELECT FROM hold_history WHERE diamond_id = $1 AND state = 'requested' AND id IS DISTINCT FROM $2
)

-- release_at_supplier --
-- The order under the hold was declined: whatever the supplier still holds is to be ended.
UPDATE hold_history SET due_at = clock_timestamp(), attempts = 0
WHERE id = $1 AND ended_at IS NOT NULL AND supplier_hold_id IS NOT NULL
  AND coalesce(supplier_until > clock_timestamp() - interval '1 minute', true)

-- claim_due_hold --
-- The hold for which something has been due for longest, postponed before it is done: a process that dies on the way leaves it to
-- the next round. Attempts at the supplier come ever more rarely, up to an hour. While it is unavailable ($1 false) only what is
-- expired: what needs the supplier keeps its turn.
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
-- A purchase's state. The column `state` says what became of the order ('confirmed': the supplier accepted it);
-- `supplier_answer` is the supplier's later message about an accepted order.
CASE WHEN supplier_answer IS NOT NULL THEN supplier_answer WHEN state = 'confirmed' THEN 'ordered' ELSE state END

-- purchase_columns --
id, diamond_id, client_id, idempotency_key, request_hash, {purchase_state} AS state, price_cents, hold_id, offer_id,
destination_id, reference, comments, return_option, requested_at, sent_at,
CASE WHEN state = 'confirmed' OR supplier_answer IS NOT NULL THEN ended_at END AS ordered_at,
CASE WHEN supplier_answer IS NOT NULL THEN answered_at WHEN state <> 'confirmed' THEN ended_at END AS ended_at,
supplier_order_id, failure_code, failure, resolved_by, resolution, answered_by, answer_reason, checked_at,
supplier_price_cents, price_difference_cents, current_price_cents, order_item_before, order_item_seen, order_item_seen_at,
examined_at

-- purchase --
SELECT {purchase_columns} FROM purchase_history WHERE id = $1

-- purchases_by_id --
SELECT {purchase_columns} FROM purchase_history WHERE id = ANY ($1::uuid[])

-- purchase_by_key --
-- What a client has asked for under a key. Served by the unique (client_id, idempotency_key).
SELECT {purchase_columns} FROM purchase_history WHERE client_id = $1 AND idempotency_key = $2

-- open_purchase --
-- The purchase of a stone that may still succeed.
SELECT {purchase_columns} FROM purchase_history WHERE diamond_id = $1 AND state IN ('pending', 'unknown')

-- add_purchase --
-- The record comes before the order. A second one under the key, or for the stone, fails.
INSERT INTO purchase_history (
    diamond_id, client_id, idempotency_key, request_hash, state, price_cents, hold_id, offer_id, destination_id,
    reference, comments, return_option, requested_at
)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $10, $11, clock_timestamp())
RETURNING {purchase_columns}

-- mark_purchase_sent --
-- The order goes out now, for the offer $2. Once: what was sent, or was given up in the meantime, is not sent again. $3: the
-- price of the supplier's item, if it was read before. $4: the difference from the price under the hold. $6: whether the item
-- showed orders of this account. $5: the one that it showed.
UPDATE purchase_history
SET sent_at = clock_timestamp(), offer_id = $2, supplier_price_cents = $3, price_difference_cents = $4,
    order_item_before = $5, checked_at = CASE WHEN $6 THEN clock_timestamp() END
WHERE id = $1 AND state = 'pending' AND sent_at IS NULL
RETURNING id

-- quoted_price --
-- The price that the last refusal of a purchase of the stone $1 named to the client $2, if its price had changed.
SELECT current_price_cents FROM purchase_history
WHERE diamond_id = $1 AND client_id = $2 AND current_price_cents IS NOT NULL
ORDER BY requested_at DESC, id DESC LIMIT 1

-- claim_unknown --
-- The purchase of unknown outcome whose turn it is to be examined at the supplier, more and more rarely. One whose order was
-- seen is not examined again. Served by purchase_history_unknown.
UPDATE purchase_history
SET examinations = examinations + 1,
    examine_at = clock_timestamp() + least(interval '2 minutes' * 2 ^ least(examinations, 8), interval '6 hours')
WHERE id = (
    SELECT id FROM purchase_history
    WHERE state = 'unknown' AND order_item_seen IS NULL AND coalesce(examine_at <= clock_timestamp(), true)
    ORDER BY examine_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {purchase_columns}

-- supplier_stone --
-- The supplier's id of a stone.
SELECT supplier_stone_id FROM diamonds WHERE id = $1

-- note_examination --
-- The supplier's item was read after the order was sent. $2: an order item that it showed and that was not there before; NULL
-- proves nothing. The first one found stays.
UPDATE purchase_history
SET examined_at = clock_timestamp(), order_item_seen = coalesce(order_item_seen, $2),
    order_item_seen_at = CASE WHEN $2 IS NOT NULL THEN coalesce(order_item_seen_at, clock_timestamp()) ELSE order_item_seen_at END
WHERE id = $1 AND state = 'unknown'
RETURNING {purchase_columns}

-- order_purchase --
-- The supplier accepted the order, under the id $2.
UPDATE purchase_history
SET state = 'confirmed', ended_at = clock_timestamp(), supplier_order_id = $2, resolved_by = $3, resolution = $4
WHERE id = $1 AND {purchase_state} = ANY ($5::text[])
RETURNING {purchase_columns}

-- answer_purchase --
-- The supplier's later message ($2: confirmed or declined), as recorded by $3 for the reason $4. $5: the order's id, if the
-- message names it.
UPDATE purchase_history
SET supplier_answer = $2, answered_at = clock_timestamp(), answered_by = $3, answer_reason = $4,
    supplier_order_id = coalesce($5, supplier_order_id)
WHERE id = $1 AND {purchase_state} = ANY ($6::text[])
RETURNING {purchase_columns}

-- fail_purchase --
-- No order was placed, because of $3 ($2 for clients). $7: the client's price now, where it has changed.
UPDATE purchase_history
SET state = 'failed', ended_at = clock_timestamp(), failure_code = $2, failure = $3, resolved_by = $4, resolution = $5,
    current_price_cents = $7
WHERE id = $1 AND {purchase_state} = ANY ($6::text[])
RETURNING {purchase_columns}

-- doubt_purchase --
-- The order was sent, and its outcome is not known.
UPDATE purchase_history SET state = 'unknown' WHERE id = $1 AND {purchase_state} = ANY ($2::text[])
RETURNING {purchase_columns}

-- abandoned_purchases --
-- Pending for longer than any call takes ($1 seconds since it was asked for or sent): their process is gone.
SELECT id, diamond_id FROM purchase_history
WHERE state = 'pending' AND coalesce(sent_at, requested_at) < clock_timestamp() - make_interval(secs => $1)
ORDER BY requested_at LIMIT $2

-- claim_unanswered --
-- Orders that the supplier accepted $1 seconds ago or earlier and for which no answer is recorded: each is claimed once, for
-- its reminder. Served by purchase_history_unanswered.
UPDATE purchase_history SET reminded_at = clock_timestamp()
WHERE id IN (
    SELECT id FROM purchase_history
    WHERE state = 'confirmed' AND supplier_answer IS NULL AND reminded_at IS NULL
      AND ended_at < clock_timestamp() - make_interval(secs => $1)
    ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
RETURNING {purchase_columns}

-- declined_and_seen --
-- Declined orders whose stone a completed run of the feed $1 has read since the answer, each with the run. The run's
-- consolidation has written the supplier's word. Served by purchase_history_declined and the key of stones_seen.
SELECT declined.id, declined.diamond_id, seen.run_id
FROM purchase_history AS declined
JOIN diamonds ON diamonds.id = declined.diamond_id
JOIN stones_seen AS seen ON seen.feed = $1 AND seen.supplier_stone_id = diamonds.supplier_stone_id
JOIN run_metadata AS run ON run.id = seen.run_id
WHERE declined.state = 'confirmed' AND declined.supplier_answer = 'declined'
  AND seen.observed_at > declined.answered_at AND run.status = 'completed'
ORDER BY declined.answered_at LIMIT $2

-- release_declined --
-- The stone of a declined order is for the sync alone to decide about from now on.
UPDATE purchase_history SET state = 'failed', failure_code = $2, failure = answer_reason
WHERE id = $1 AND state = 'confirmed' AND supplier_answer = 'declined'
RETURNING id

-- Records: what a person looks at. $1 to $3 are the filter, NULL for all; served by the index of the client or the stone,
-- or in the order of asking.

-- page_of_holds --
-- Newest first, after ($4, $5).
SELECT * FROM (
    SELECT {hold_columns} FROM hold_history
    WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
      AND ($4::timestamptz IS NULL OR (requested_at, id) < ($4, $5::uuid))
) AS held
WHERE $3::text[] IS NULL OR state = ANY ($3)
ORDER BY requested_at DESC, id DESC LIMIT $6

-- count_of_holds --
SELECT count(*) FROM (
    SELECT {hold_columns} FROM hold_history
    WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
) AS held
WHERE $3::text[] IS NULL OR state = ANY ($3)

-- page_of_purchases --
-- Newest first, after ($4, $5).
SELECT {purchase_columns} FROM purchase_history
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
  AND ($3::text[] IS NULL OR {purchase_state} = ANY ($3))
  AND ($4::timestamptz IS NULL OR (requested_at, id) < ($4, $5::uuid))
ORDER BY requested_at DESC, id DESC LIMIT $6

-- count_of_purchases --
SELECT count(*) FROM purchase_history
WHERE ($1::text IS NULL OR client_id = $1) AND ($2::uuid IS NULL OR diamond_id = $2)
  AND ($3::text[] IS NULL OR {purchase_state} = ANY ($3))

-- history --
-- What happened to the stone $1, newest first, after ($2, $3): its holds and purchases, whose rows are never deleted, and the
-- events of the log of the kinds $5, as long as they are kept. Events have no id that stays theirs but the position; the key
-- is made of it.
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
