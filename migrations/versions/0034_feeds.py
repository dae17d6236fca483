"""Raw tables of several feeds: partitions of `raw_diamonds` by feed, keyed by feed and stone.

Contracts: only the primary key of `raw_diamonds_nivoda`, which becomes (feed, supplier_stone_id). Earlier workers stage by the
stone's id alone; the unique index `raw_diamonds_nivoda_stone` serves them until a later migration drops it.

`raw_diamonds_nivoda` becomes a partition without being rewritten. Its rows of other feed names, which the setting SYNC_FEED
allowed, stay in it: the partition holds these feeds too. Their diamonds get the feed's name as their supplier.
"""

from alembic import op

from inventory.core import indexes

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_NAME_CONSTRAINTS = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'raw_diamonds_nivoda'::regclass AND contype = 'c' LOOP
        EXECUTE format('ALTER TABLE raw_diamonds_nivoda RENAME CONSTRAINT %I TO %I',
                       name, replace(name, 'raw_diamonds_nivoda', 'raw_diamonds'));
    END LOOP;
END
$$
"""
# The CHECK replaces the scan of the table under the lock of ATTACH PARTITION.
_LIMIT_FEEDS = """
DO $$
DECLARE feeds text;
BEGIN
    SELECT string_agg(DISTINCT quote_literal(feed), ', ') INTO feeds
    FROM (SELECT 'nivoda' AS feed UNION SELECT feed FROM raw_diamonds_nivoda) AS known;
    EXECUTE format('ALTER TABLE raw_diamonds_nivoda ADD CONSTRAINT raw_feeds CHECK (feed IN (%s)) NOT VALID', feeds);
END
$$
"""
_ATTACH = """
DO $$
DECLARE feeds text;
BEGIN
    SELECT string_agg(literal[1], ', ') INTO feeds
    FROM pg_constraint, regexp_matches(pg_get_constraintdef(oid), '(''(?:[^'']|'''')*'')::text', 'g') AS literal
    WHERE conrelid = 'raw_diamonds_nivoda'::regclass AND conname = 'raw_feeds';
    EXECUTE format('ALTER TABLE raw_diamonds ATTACH PARTITION raw_diamonds_nivoda FOR VALUES IN (%s)', feeds);
END
$$
"""
_NAME_SUPPLIERS = """
UPDATE diamonds SET supplier = raw.feed
FROM raw_diamonds_nivoda AS raw
WHERE diamonds.supplier = 'nivoda' AND raw.feed <> 'nivoda' AND raw.supplier_stone_id = diamonds.supplier_stone_id
"""
_NAME_SUPPLIER_OF_RULES = """
UPDATE pricing_rules SET supplier = renamed.feed
FROM (SELECT min(feed) AS feed FROM raw_diamonds HAVING count(DISTINCT feed) = 1) AS renamed
WHERE supplier = 'nivoda' AND renamed.feed <> 'nivoda'
"""
# A table that is attached later: CREATE TABLE ... PARTITION OF would block the readers and writers of the other feeds.
_CREATE_PARTITION = """
CREATE FUNCTION create_raw_partition(feed text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text := 'raw_diamonds_' || replace(feed, '-', '_');
BEGIN
    IF feed !~ '^[a-z][a-z0-9-]{0,30}$' THEN
        RAISE EXCEPTION 'not the name of a feed: %', feed;
    END IF;
    IF EXISTS (
        SELECT FROM pg_inherits JOIN pg_class AS part ON part.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = 'raw_diamonds'::regclass
          AND pg_get_expr(part.relpartbound, part.oid) ~ ('[(, ]' || quote_literal(feed) || '[,)]')
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE raw_diamonds INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE raw_diamonds ATTACH PARTITION %I FOR VALUES IN (%L)', name, feed);
END
$$
"""


def upgrade() -> None:
    """Attach the table of Nivoda to a parent with the same columns, and create the function that adds a partition if it is missing."""
    indexes.create("raw_diamonds_nivoda_key", "ON raw_diamonds_nivoda (feed, supplier_stone_id)", unique=True)
    indexes.create("raw_diamonds_nivoda_stone", "ON raw_diamonds_nivoda (supplier_stone_id)", unique=True)
    op.execute(_NAME_CONSTRAINTS)
    op.execute(_LIMIT_FEEDS)
    op.execute("ALTER TABLE raw_diamonds_nivoda VALIDATE CONSTRAINT raw_feeds")
    op.execute("ALTER TABLE raw_diamonds_nivoda DROP CONSTRAINT raw_diamonds_nivoda_pkey")
    op.execute(
        "ALTER TABLE raw_diamonds_nivoda ADD CONSTRAINT raw_diamonds_nivoda_pkey "
        "PRIMARY KEY USING INDEX raw_diamonds_nivoda_key"
    )
    op.execute("""
        CREATE TABLE raw_diamonds (
            LIKE raw_diamonds_nivoda INCLUDING DEFAULTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS,
            PRIMARY KEY (feed, supplier_stone_id)
        ) PARTITION BY LIST (feed)
    """)
    op.execute("ALTER TABLE raw_diamonds DROP CONSTRAINT raw_feeds")
    op.execute("""
        CREATE INDEX raw_diamonds_problem ON raw_diamonds (problem, supplier_stone_id) INCLUDE (feed)
        WHERE problem IS NOT NULL AND gone_at IS NULL
    """)
    op.execute(_ATTACH)
    op.execute("ALTER TABLE raw_diamonds_nivoda DROP CONSTRAINT raw_feeds")
    op.execute(_NAME_SUPPLIERS)
    op.execute(_NAME_SUPPLIER_OF_RULES)
    op.execute(_CREATE_PARTITION)


def downgrade() -> None:
    """Detach the table of Nivoda, and drop the raw rows of the feeds that other tables hold."""
    op.execute("DROP FUNCTION create_raw_partition(text)")
    op.execute("ALTER TABLE raw_diamonds DETACH PARTITION raw_diamonds_nivoda")
    op.execute("DROP TABLE raw_diamonds")
    op.execute("UPDATE diamonds SET supplier = 'nivoda' FROM raw_diamonds_nivoda AS raw "
               "WHERE supplier = raw.feed AND diamonds.supplier_stone_id = raw.supplier_stone_id")  # fmt: skip
    op.execute("ALTER TABLE raw_diamonds_nivoda DROP CONSTRAINT raw_diamonds_nivoda_pkey")
    op.execute(
        "ALTER TABLE raw_diamonds_nivoda ADD CONSTRAINT raw_diamonds_nivoda_pkey "
        "PRIMARY KEY USING INDEX raw_diamonds_nivoda_stone"
    )
