"""Schema changes: the old code runs on the new schema between migration and rollout, and new code waits on the old
schema.
"""

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
from tests.acceptance.commands import clean_environment
from tests.delivery.installed import SOURCE
from tests.delivery.services import PERMANENT_SERVICES, Services, from_tree

STONES = 2000
VERSIONS = sorted((SOURCE / "migrations" / "versions").glob("[0-9]*.py"))
NEWEST, BEFORE = (path.name.partition("_")[0] for path in reversed(VERSIONS[-2:]))


def git(*arguments: str) -> bytes:
    """Output of `git arguments`. Without git or history, the test is skipped."""
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
    """The source tree before its newest migration."""
    newest = VERSIONS[-1].relative_to(SOURCE).as_posix()
    came = git("log", "--diff-filter=A", "--format=%H", "-1", "--", newest).decode().strip()
    tree = tmp_path / "old"
    # Not a tar: early releases of Python 3.11 cannot unpack one without trusting it.
    with ZipFile(BytesIO(git("archive", "--format=zip", f"{came}^" if came else "HEAD"))) as archive:
        archive.extractall(tree)
    assert not (tree / newest).exists()
    return tree


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_old_code_works_on_new_schema(old_tree: Path, tmp_path: Path) -> None:
    async with Stack(clean_environment(), supplier=SupplierOptions(stones=STONES)) as stack:
        await upgrade(stack.environment["DATABASE_URL"])
        services = Services(stack, from_tree(old_tree), tmp_path, {})
        services.start_services()
        try:
            await services.ready()
            assert await services.sync() == "completed"
            assert await services.served() == await services.expected()
        finally:
            codes = await services.stop()
    assert codes == dict.fromkeys(PERMANENT_SERVICES, 0)


@pytest.mark.acceptance
@pytest.mark.timeout(600)
async def test_new_code_waits_on_old_schema_and_starts_after_migration(tmp_path: Path) -> None:
    async with Stack(clean_environment(), supplier=SupplierOptions(stones=STONES)) as stack:
        await upgrade(stack.environment["DATABASE_URL"], BEFORE)
        services = Services(stack, from_tree(SOURCE), tmp_path, {})
        services.start_services()
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
    assert codes == dict.fromkeys(PERMANENT_SERVICES, 0)


async def answered(services: Services) -> bool:
    """Whether the API responds."""
    return (await services.says("/health"))[0] == 200


# The schema of the first release. Earlier schemas were never installed, and tables without users were changed.
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


class TableShape:
    """Tables as code uses them: columns, required columns, constraints."""

    def __init__(self, columns: list[asyncpg.Record], rules: list[asyncpg.Record]) -> None:
        self.tables = {row["table"] for row in columns}
        self.columns = {f"{row['table']}.{row['name']} {row['kind']}" for row in columns}
        self.demanded = {f"{row['table']}.{row['name']}" for row in columns if not row["may_be_left_out"]}
        self.rules = {f"{row['table']}: {row['rule']}" for row in rules}

    def breaks(self, old: "TableShape") -> set[str]:
        """Changes that break code for the old shape."""
        changed = old.columns - self.columns
        stricter = {*(self.demanded - old.demanded), *(self.rules - old.rules)}
        return changed | {what for what in stricter if re.split(r"[.:]", what)[0] in old.tables}


async def test_code_for_previous_schema_works_after_migration(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url, server_settings={"search_path": "inventory"})
    old, breaks = TableShape([], []), {}
    for path in VERSIONS:
        await upgrade(empty_database_url, path.stem[:4])
        new = TableShape(await connection.fetch(_COLUMNS), await connection.fetch(_RULES))
        breaks[path.stem[:4]] = new.breaks(old)
        old = new
    await connection.close()
    contracting = {name[:4] for name, says, _ in upgrades() if "Contracts:" in says}
    assert {number for number, found in breaks.items() if found and number > FIRST_RELEASE} <= contracting
    # The check detects changes: this migration changed tables that were not in use.
    assert breaks["0007"] >= {
        "hold_history.expires_at timestamp with time zone",
        "hold_history.price_cents",
        "purchase_history: CHECK (((resolved_by IS NULL) = (resolution IS NULL)))",
    }
    assert breaks["0004"] == breaks["0005"] == breaks["0006"] == set()


# Statements that must not be used on a table in use, of any size.
_TAKES_AWAY = re.compile(
    r"\b(DROP (TABLE|COLUMN|CONSTRAINT)|RENAME|SET NOT NULL|ALTER COLUMN \w+ TYPE)\b", re.IGNORECASE
)
_INDEX = re.compile(r"\bCREATE (?:UNIQUE )?INDEX\s+(?!CONCURRENTLY)\w+\s+ON\s+(\w+)", re.IGNORECASE)
_TABLE = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)


def upgrades() -> Iterator[tuple[str, str, str]]:
    """The name of each migration, its docstring, and its text without the downgrade."""
    for path in VERSIONS:
        source = path.read_text("utf-8")
        module = ast.parse(source)
        (down,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "downgrade")
        text = source.replace(ast.get_source_segment(source, down) or "", "")
        yield path.stem, ast.get_docstring(module) or "", text


def test_migration_that_removes_something_says_contracts() -> None:
    silent = {name for name, says, text in upgrades() if _TAKES_AWAY.search(text) and "Contracts:" not in says}
    assert {name for name in silent if name[:4] > FIRST_RELEASE} == set(), (
        "say `Contracts:`, and which release needs it no more"
    )
    assert "0007_trading" in silent  # The check detects it


def test_index_of_table_in_use_is_built_concurrently() -> None:
    locking = {name for name, _, text in upgrades() if set(_INDEX.findall(text)) - {*_TABLE.findall(text)}}
    assert {name for name in locking if name[:4] > FIRST_RELEASE} == set(), "use inventory.core.indexes.create"
    assert "0007_trading" in locking  # The check detects it
    assert "0003_certificates" not in locking
