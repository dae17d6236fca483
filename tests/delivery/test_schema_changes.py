"""Between a migration and the rollout of the code that asked for it, old code runs on a new schema; and the other way
round nothing goes wrong either."""

import ast
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from app.core.migrate import upgrade
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
    with tarfile.open(fileobj=BytesIO(git("archive", f"{came}^" if came else "HEAD"))) as archive:
        archive.extractall(tree, filter="data")
    assert not (tree / newest).exists()
    return tree


@pytest.mark.acceptance
@pytest.mark.timeout(300)
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
@pytest.mark.timeout(300)
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


# What may not be done to a table that others are using, whatever the size of it.
_TAKES_AWAY = re.compile(
    r"\b(DROP (TABLE|COLUMN|CONSTRAINT)|RENAME|SET NOT NULL|ALTER COLUMN \w+ TYPE)\b", re.IGNORECASE
)
_INDEX = re.compile(r"\bCREATE (?:UNIQUE )?INDEX\s+(?!CONCURRENTLY)\w+\s+ON\s+(\w+)", re.IGNORECASE)
_TABLE = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)


def upgrades() -> Iterator[tuple[str, str, str]]:
    """The name of each migration, its docstring, and the text of its `upgrade`."""
    for path in VERSIONS:
        source = path.read_text("utf-8")
        module = ast.parse(source)
        (function,) = (node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
        yield path.stem, ast.get_docstring(module) or "", ast.get_source_segment(source, function) or ""


def test_a_migration_that_takes_something_away_says_that_it_contracts() -> None:
    silent = [name for name, says, text in upgrades() if _TAKES_AWAY.search(text) and "Contracts:" not in says]
    assert silent == [], "say `Contracts:` in the docstring, and which release no longer asks for it"


def test_an_index_of_a_table_in_use_is_built_concurrently() -> None:
    locking = {
        (name, table)
        for name, _, text in upgrades()
        for table in _INDEX.findall(text)
        if table not in _TABLE.findall(text)
    }
    assert locking - {("0001_inventory", table) for _, table in locking} == set(), "use app.core.indexes.create"
