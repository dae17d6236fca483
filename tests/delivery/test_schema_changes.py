"""Between a migration and the rollout of the code that asked for it, old code runs on a new schema; and the other way
round nothing goes wrong either."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import asyncpg
import pytest

from inventory.core.migrate import upgrade
from sandbox.stack.programs import SupplierOptions
from sandbox.stack.stack import Stack
from tests.acceptance.commands import own_environment
from tests.delivery.installed import SOURCE
from tests.delivery.services import STAYING, Services, from_tree

STONES = 2000
VERSIONS = sorted((SOURCE / "migrations" / "versions").glob("[0-9]*.py"))
NEWEST, BEFORE = (path.name.partition("_")[0] for path in reversed(VERSIONS[-2:]))


def git(*arguments: str) -> bytes:
    """What `git arguments` prints; where there is no git or no history, the test is skipped."""
    program = shutil.which("git")
    if program is None or not (SOURCE / ".git").exists():
        pytest.skip("there is no history here: old code can't be had")
    done = subprocess.run(  # noqa: S603 - reads the history
        [program, *arguments], cwd=SOURCE, capture_output=True, timeout=60, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"the history does not reach back far enough: {done.stderr.decode().strip()}")
    return done.stdout


@pytest.fixture
def old_tree(tmp_path: Path) -> Path:
    """The source tree as it was before the newest migration came into it."""
    newest = VERSIONS[-1].relative_to(SOURCE).as_posix()
    came = git("log", "--diff-filter=A", "--format=%H", "-1", "--", newest).decode().strip()
    tree = tmp_path / "old"
    # Not a tar: the first releases of Python 3.11 can't unpack one without trusting it.
    with ZipFile(BytesIO(git("archive", "--format=zip", f"{came}^" if came else "HEAD"))) as archive:
        archive.extractall(tree)
    assert not (tree / newest).exists()
    return tree


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_old_code_works_on_the_new_schema(old_tree: Path, tmp_path: Path) -> None:
    async with Stack(own_environment(), supplier=SupplierOptions(stones=STONES)) as stack:
        await upgrade(stack.environment["DATABASE_URL"])
        services = Services(stack, from_tree(old_tree), tmp_path, {})
        services.stay()
        try:
            await services.ready()
            assert await services.sync() == "completed"
            assert await services.served() == await services.expected()
        finally:
            codes = await services.stop()
    assert codes == dict.fromkeys(STAYING, 0)


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_new_code_waits_on_the_old_schema_and_begins_when_it_is_migrated(tmp_path: Path) -> None:
    async with Stack(own_environment(), supplier=SupplierOptions(stones=STONES)) as stack:
        await upgrade(stack.environment["DATABASE_URL"], BEFORE)
        services = Services(stack, from_tree(SOURCE), tmp_path, {})
        services.stay()
        try:
            await services.staying[0].ready(lambda: answered(services), timeout_seconds=60)
            status, body = await services.says("/ready")
            assert (status, body["error"]["details"]) == (
                503,
                {"database": f"is at {BEFORE}, but this version needs {NEWEST}"},
            )
            refused = services.start("refused", "-m", "sync", "schedule")
            assert await refused.wait() == 1
            assert "SCHEMA_BEHIND" in refused.last_lines(1)

            await services.migrate()
            await services.ready()
            assert await services.sync() == "completed"
            assert await services.served() == await services.expected()
        finally:
            codes = await services.stop()
    assert codes == dict.fromkeys(STAYING, 0)


async def answered(services: Services) -> bool:
    """Whether the API is there at all."""
    return (await services.says("/health"))[0] == 200


# The schema of the first release. Before it nobody had anything installed, and tables that no code used yet were changed.
FIRST_RELEASE = "0007"

_COLUMNS = """
    SELECT table_name AS "table", column_name AS name,
        data_type || CASE WHEN is_nullable = 'NO' THEN ' not null' ELSE '' END AS kind,
        is_nullable = 'YES' OR column_default IS NOT NULL OR is_identity = 'YES' AS may_be_left_out
    FROM information_schema.columns WHERE table_schema = 'inventory'
"""
_RULES = """
    SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS rule
    FROM pg_constraint WHERE connamespace = 'inventory'::regnamespace AND contype IN ('c', 'f', 'u', 'x')
"""


class Shape:
    """What code finds of tables: their columns, those that a row can't do without, and what a row must fulfil."""

    def __init__(self, columns: list[asyncpg.Record], rules: list[asyncpg.Record]) -> None:
        self.tables = {row["table"] for row in columns}
        self.columns = {f"{row['table']}.{row['name']} {row['kind']}" for row in columns}
        self.demanded = {f"{row['table']}.{row['name']}" for row in columns if not row["may_be_left_out"]}
        self.rules = {f"{row['table']}: {row['rule']}" for row in rules}

    def breaks(self, old: "Shape") -> set[str]:
        """Whatever code that knows the old shape would stumble over."""
        changed = old.columns - self.columns
        stricter = {*(self.demanded - old.demanded), *(self.rules - old.rules)}
        return changed | {what for what in stricter if re.split(r"[.:]", what)[0] in old.tables}


async def test_code_that_knows_the_schema_before_a_migration_finds_its_way_after_it(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url, server_settings={"search_path": "inventory"})
    old, breaks = Shape([], []), {}
    for path in VERSIONS:
        await upgrade(empty_database_url, path.stem[:4])
        new = Shape(await connection.fetch(_COLUMNS), await connection.fetch(_RULES))
        breaks[path.stem[:4]] = new.breaks(old)
        old = new
    await connection.close()
    contracting = {name[:4] for name, says, _ in upgrades() if "Contracts:" in says}
    assert {number for number, found in breaks.items() if found and number > FIRST_RELEASE} <= contracting
    # It would notice: this one changed tables that nobody had written to.
    assert breaks["0007"] >= {
        "hold_history.expires_at timestamp with time zone",
        "hold_history.price_cents",
        "purchase_history: CHECK (((resolved_by IS NULL) = (resolution IS NULL)))",
    }
    assert breaks["0004"] == breaks["0005"] == breaks["0006"] == set()


# What may not be done to a table that others are using, whatever the size of it.
_TAKES_AWAY = re.compile(
    r"\b(DROP (TABLE|COLUMN|CONSTRAINT)|RENAME|SET NOT NULL|ALTER COLUMN \w+ TYPE)\b", re.IGNORECASE
)
_INDEX = re.compile(r"\bCREATE (?:UNIQUE )?INDEX\s+(?!CONCURRENTLY)\w+\s+ON\s+(\w+)", re.IGNORECASE)
_TABLE = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)


def upgrades() -> Iterator[tuple[str, str, str]]:
    """The name of each migration, its docstring, and its text without the way back."""
    for path in VERSIONS:
        source = path.read_text("utf-8")
        module = ast.parse(source)
        (down,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "downgrade")
        text = source.replace(ast.get_source_segment(source, down) or "", "")
        yield path.stem, ast.get_docstring(module) or "", text


def test_a_migration_that_takes_something_away_says_that_it_contracts() -> None:
    silent = {name for name, says, text in upgrades() if _TAKES_AWAY.search(text) and "Contracts:" not in says}
    assert {name for name in silent if name[:4] > FIRST_RELEASE} == set(), (
        "say `Contracts:`, and which release needs it no more"
    )
    assert "0007_trading" in silent  # it would notice


def test_an_index_of_a_table_in_use_is_built_concurrently() -> None:
    locking = {name for name, _, text in upgrades() if set(_INDEX.findall(text)) - {*_TABLE.findall(text)}}
    assert {name for name in locking if name[:4] > FIRST_RELEASE} == set(), "use inventory.core.indexes.create"
    assert "0007_trading" in locking  # it would notice
    assert "0003_certificates" not in locking
