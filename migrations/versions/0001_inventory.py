"""The inventory, its raw feed, runs and access: everything that the first sync needs."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The canonical columns: the same in the raw table (nullable, a quarantined payload has none) and in `diamonds`.
# `*_milli` are thousandths of the unit: integers compare fast and never round.
STONE = """
    offer_id              text,
    shape                 text {required},
    raw_shape             text,
    carat_milli           integer {required} CHECK (carat_milli > 0),
    color                 text,
    color_rank            smallint,
    clarity               text,
    clarity_rank          smallint,
    cut                   text,
    cut_rank              smallint,
    polish                text,
    polish_rank           smallint,
    symmetry              text,
    symmetry_rank         smallint,
    fluorescence          text,
    fluorescence_rank     smallint,
    fluorescence_color    text,
    fancy_color           text,
    fancy_intensity       text,
    fancy_overtone        text,
    lab_grown             boolean {required},
    treated               boolean,
    supplier_price_cents  bigint {required} CHECK (supplier_price_cents > 0),
    price_per_carat_cents bigint {required} CHECK (price_per_carat_cents >= 0),
    availability          text {required}
        CHECK (availability IN ('available', 'on_hold', 'sold', 'unavailable')),
    raw_availability      text,
    hold_id               text,
    image_url             text,
    video_url             text,
    certificate_lab       text,
    certificate_number    text,
    certificate_pdf_url   text,
    length_milli          integer,
    width_milli           integer,
    height_milli          integer,
    ratio_milli           integer,
    table_milli           integer,
    depth_milli           integer,
    eye_clean             boolean,
    brown_tinge           boolean,
    green_tinge           boolean,
    milky                 boolean,
    supplier_name         text,
    supplier_legal_name   text,
    measurements          json {required},
    attributes            json {required},
"""

TABLES = [
    """
    CREATE TABLE api_keys (
        id           text PRIMARY KEY,
        client_id    text NOT NULL CHECK (client_id <> ''),
        name         text NOT NULL CHECK (name <> ''),
        -- SHA-256 of the whole key, hexadecimal. Keys of the previous system are found by it; ours by id.
        key_hash     text NOT NULL UNIQUE CHECK (key_hash ~ '^[0-9a-f]{64}$'),
        scopes       text[] NOT NULL,
        signature_v1 boolean NOT NULL DEFAULT false,
        created_at   timestamptz NOT NULL DEFAULT now(),
        expires_at   timestamptz,
        revoked_at   timestamptz,
        last_used_at timestamptz
    )
    """,
    # For the lookup of a signing client's rows and for the rotation of its keys.
    "CREATE INDEX api_keys_client ON api_keys (client_id)",
    """
    CREATE TABLE run_metadata (
        id               uuid PRIMARY KEY,
        feed             text NOT NULL,
        run_type         text NOT NULL CHECK (run_type IN ('full', 'incremental')),
        status           text NOT NULL CHECK (status IN
                         ('planning', 'running', 'consolidating', 'completed', 'partial', 'failed', 'cancelled')),
        started_by       text NOT NULL,
        trace_id         text NOT NULL,
        -- What of the feed the run reads: changes in [window_from, window_to); a full run has no beginning.
        window_from      timestamptz,
        window_to        timestamptz NOT NULL,
        moves_watermark  boolean NOT NULL,
        -- The plan: price bands with their counts, as the heatmap found them.
        plan             jsonb,
        count_queries    integer NOT NULL DEFAULT 0,
        -- Who plans or consolidates, and until when it is taken to be alive.
        lease_token      uuid,
        lease_until      timestamptz,
        -- The outbox of the one trigger: requested in the transaction that finished the last partition.
        consolidate_requested_at timestamptz,
        consolidate_sent_at      timestamptz,
        -- Consolidation goes through the stones by id; the figures below stand for what lies before this one.
        consolidated_through     text,
        consolidated_at          timestamptz,
        watermark_moved_at       timestamptz,
        -- Stones that seemed gone and were fetched once more; part of `fetched`.
        asked_again      integer NOT NULL DEFAULT 0,
        fetched          integer NOT NULL DEFAULT 0,
        distinct_stones  integer NOT NULL DEFAULT 0,
        repeated         integer NOT NULL DEFAULT 0,
        upserted         integer NOT NULL DEFAULT 0,
        unchanged        integer NOT NULL DEFAULT 0,
        quarantined      integer NOT NULL DEFAULT 0,
        deleted          integer NOT NULL DEFAULT 0,
        revived          integer NOT NULL DEFAULT 0,
        forced_by        text,
        mass_delete_allowed_by text,
        error_code       text,
        error_message    text,
        deadline_at      timestamptz NOT NULL,
        started_at       timestamptz NOT NULL,
        completed_at     timestamptz,
        CHECK (run_type = 'full' OR window_from IS NOT NULL)
    )
    """,
    # One run of a feed at a time: of two schedulers the second fails here.
    """
    CREATE UNIQUE INDEX run_metadata_open ON run_metadata (feed)
        WHERE status IN ('planning', 'running', 'consolidating')
    """,
    # Listing runs, newest first; the newest run of a feed.
    "CREATE INDEX run_metadata_started ON run_metadata (started_at DESC)",
    """
    CREATE TABLE worker_runs (
        id             uuid PRIMARY KEY,
        run_id         uuid NOT NULL REFERENCES run_metadata ON DELETE CASCADE,
        feed           text NOT NULL,
        ordinal        integer NOT NULL CHECK (ordinal >= 0),
        -- band: stones priced from .. to (whole dollars, both inclusive, NULL is open).
        -- outside: the stones that no band reaches, found from an offset of the whole feed on.
        kind           text NOT NULL CHECK (kind IN ('band', 'outside')),
        price_from     integer,
        price_to       integer,
        first_offset   integer NOT NULL DEFAULT 0,
        planned_stones integer NOT NULL CHECK (planned_stones >= 0),
        status         text NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
        attempts       integer NOT NULL DEFAULT 0,
        worker_id      text,
        lease_token    uuid,
        lease_until    timestamptz,
        -- How far it has been read, as sync/planning/reader.py defines it; NULL before the first page.
        checkpoint     jsonb,
        pages          integer NOT NULL DEFAULT 0,
        fetched        integer NOT NULL DEFAULT 0,
        error_message  text,
        sent_at        timestamptz,
        started_at     timestamptz,
        completed_at   timestamptz,
        -- The partitions of a run, in order; also serves the counting of what is still open.
        UNIQUE (run_id, ordinal)
    )
    """,
    f"""
    CREATE TABLE raw_diamonds_nivoda (
        supplier_stone_id text PRIMARY KEY,
        feed              text NOT NULL,
        -- json, not jsonb: kept as received (NUL escapes included), never searched, and cheaper to write.
        payload           json NOT NULL,
        payload_hash      bytea NOT NULL,
        -- When this payload was first received; stones_seen knows when it was last seen.
        observed_at       timestamptz NOT NULL,
        run_id            uuid NOT NULL,
        -- Why the payload can't be understood; NULL for a good stone.
        problem           text,
        -- When a full run found that the supplier no longer has the stone.
        gone_at           timestamptz,
        diamond_id        uuid,
        canonical_hash    bytea,
        {STONE.format(required="")}
        CHECK ((problem IS NULL) = (canonical_hash IS NOT NULL))
    )
    """,
    # Its own narrow table, because it is written for every stone of every run: beside the payload each of these
    # updates would write the payload again. It says which stones a full run saw (the others may be gone), what a run
    # has to consolidate, and orders observations: an older one never wins.
    """
    CREATE TABLE stones_seen (
        feed              text NOT NULL,
        supplier_stone_id text NOT NULL,
        run_id            uuid NOT NULL,
        observed_at       timestamptz NOT NULL,
        PRIMARY KEY (feed, supplier_stone_id)
    ) WITH (fillfactor = 70)
    """,
    f"""
    CREATE TABLE diamonds (
        id                 uuid PRIMARY KEY,
        supplier           text NOT NULL,
        supplier_stone_id  text NOT NULL,
        {STONE.format(required="NOT NULL")}
        retail_price_cents bigint NOT NULL CHECK (retail_price_cents >= 0),
        markup_ratio       numeric(8, 4) NOT NULL CHECK (markup_ratio > 0),
        rating             smallint,
        -- active: for sale or held; quarantined: its newest payload can't be understood; deleted: gone from the feed.
        status             text NOT NULL CHECK (status IN ('active', 'quarantined', 'deleted')),
        source_hash        bytea NOT NULL,
        source_updated_at  timestamptz NOT NULL,
        created_at         timestamptz NOT NULL,
        updated_at         timestamptz NOT NULL,
        deleted_at         timestamptz,
        UNIQUE (supplier, supplier_stone_id),
        CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
    )
    """,
    # Search in the order of age, the default of REST, forwards and backwards.
    "CREATE INDEX diamonds_created ON diamonds (created_at DESC, id DESC) WHERE status = 'active'",
    # Search in the order of the retail price, the default of GraphQL, forwards and backwards.
    "CREATE INDEX diamonds_retail_price ON diamonds (retail_price_cents, id) WHERE status = 'active'",
    # Search in the order of weight, forwards and backwards.
    "CREATE INDEX diamonds_carat ON diamonds (carat_milli, id) WHERE status = 'active'",
    """
    CREATE TABLE pricing_rules (
        id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        name         text NOT NULL CHECK (name <> ''),
        -- The lowest number wins; rules of one priority go by age, then id.
        priority     integer NOT NULL,
        -- A criterion that is NULL matches every stone; both ends of the range are inclusive.
        carat_min_milli integer CHECK (carat_min_milli >= 0),
        carat_max_milli integer CHECK (carat_max_milli >= 0),
        shapes       text[] CHECK (cardinality(shapes) > 0),
        lab_grown    boolean,
        supplier     text,
        markup_ratio numeric(8, 4) NOT NULL CHECK (markup_ratio > 0),
        rating       smallint CHECK (rating BETWEEN 1 AND 10),
        created_at   timestamptz NOT NULL DEFAULT now(),
        updated_at   timestamptz NOT NULL DEFAULT now(),
        CHECK (carat_min_milli <= carat_max_milli)
    )
    """,
    """
    CREATE TABLE hold_history (
        id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        diamond_id        uuid NOT NULL REFERENCES diamonds,
        client_id         text NOT NULL,
        state             text NOT NULL CHECK (state IN
                          ('requested', 'active', 'denied', 'released', 'expired', 'purchased')),
        supplier_hold_id  text,
        requested_at      timestamptz NOT NULL DEFAULT now(),
        expires_at        timestamptz,
        ended_at          timestamptz,
        CHECK ((state IN ('requested', 'active')) = (ended_at IS NULL))
    )
    """,
    # One open hold per stone, however many clients ask at once; also finds it.
    "CREATE UNIQUE INDEX hold_history_open ON hold_history (diamond_id) WHERE state IN ('requested', 'active')",
    """
    CREATE TABLE purchase_history (
        id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        diamond_id        uuid NOT NULL REFERENCES diamonds,
        client_id         text NOT NULL,
        idempotency_key   text NOT NULL,
        request_hash      bytea NOT NULL,
        state             text NOT NULL CHECK (state IN ('pending', 'confirmed', 'failed', 'unknown')),
        price_cents       bigint NOT NULL CHECK (price_cents >= 0),
        supplier_order_id text,
        requested_at      timestamptz NOT NULL DEFAULT now(),
        ended_at          timestamptz,
        -- The same request under one key is one purchase.
        UNIQUE (client_id, idempotency_key)
    )
    """,
    # One purchase that may still succeed, or did, per stone.
    "CREATE UNIQUE INDEX purchase_history_won ON purchase_history (diamond_id) WHERE state <> 'failed'",
]

# lz4 writes the payloads half as fast again as pglz, but not every build of Postgres has it.
COMPRESS_PAYLOADS = """
    DO $$
    BEGIN
        IF EXISTS (SELECT FROM pg_settings
                   WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
            ALTER TABLE raw_diamonds_nivoda ALTER COLUMN payload SET COMPRESSION lz4;
        END IF;
    END
    $$
"""


def upgrade() -> None:
    """Create everything."""
    for statement in TABLES:
        op.execute(statement)
    op.execute(COMPRESS_PAYLOADS)


def downgrade() -> None:
    """Drop everything."""
    for table in (
        "purchase_history", "hold_history", "pricing_rules", "diamonds", "stones_seen", "raw_diamonds_nivoda",
        "worker_runs", "run_metadata", "api_keys",
    ):  # fmt: skip
        op.execute(f"DROP TABLE {table}")
