"""Breaking schema changes against the last release."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.npm import run_node
from tests.foreign.releases import file_of, newest_release

ROOT = Path(__file__).parents[3]
SCHEMA = "schema.graphql"
GIT = shutil.which("git") or ""
OLD = 'type Query { a: Int, b: Int @deprecated(reason: "Gone from 2027 on."), c: Int }'
WHO = ("-c", "user.name=test", "-c", "user.email=test@example.com")


async def diff(old: str, new: Path, place: Path) -> Any:
    (place / "old.graphql").write_text(old)
    given = {"OLD": str(place / "old.graphql"), "NEW": str(new)}
    return json.loads(await run_node("graphql-inspector", "diff.js", given))


def git(place: Path, *arguments: str) -> None:
    command = [GIT, "-C", str(place), *WHO, *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - ours


@pytest.mark.timeout(240)
async def test_schema_has_no_breaking_change_since_last_release(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    try:
        tag = newest_release(ROOT)
    except subprocess.SubprocessError as error:
        pytest.skip(f"this clone has no tags, and its origin can't be asked for them: {error}")
    if tag is None:
        pytest.skip("nothing was released yet: there is no tag v*")
    found = await diff(file_of(ROOT, tag, SCHEMA), ROOT / SCHEMA, tmp_path)
    assert found["status"] == 0, found["said"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("new", "status"),
    [
        ("type Query { a: Int, c: Int, d: Int }", 0),
        ("type Query { a: Int, b: Int }", 1),
        ("type Query { a: Int, b: Int, c(d: Int!): Int }", 1),
        ("type Query { a: Int, b: Int, c: String }", 1),
    ],
    ids=["what was deprecated goes, something comes", "something goes", "an argument is demanded", "a type changes"],
)
async def test_breaking_changes_are_found(tmp_path: Path, new: str, status: int) -> None:
    (tmp_path / "new.graphql").write_text(new)
    found = await diff(OLD, tmp_path / "new.graphql", tmp_path)
    assert found["status"] == status, found["said"]


def test_newest_release_is_found_in_shallow_clone(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "--quiet")
    for tag in ("v0.9.0", "v0.10.0", "v0.11.0-rc1"):
        (origin / SCHEMA).write_text(f"# {tag}")
        git(origin, "add", SCHEMA)
        git(origin, "commit", "--quiet", "-m", tag)
        assert newest_release(origin) == {"v0.9.0": None, "v0.10.0": "v0.9.0"}.get(tag, "v0.10.0")
        git(origin, "tag", tag)
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-tags", origin.as_uri(), str(clone))
    assert newest_release(clone) == "v0.10.0"
    assert file_of(clone, "v0.10.0", SCHEMA) == "# v0.10.0"
