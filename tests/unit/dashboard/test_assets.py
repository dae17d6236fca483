"""The dashboard's files: npm files match their published hashes, and every GraphQL document is valid for the schema."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from app.dashboard.assets import FILES, page, policy

STATIC = Path("app/dashboard/static")
SCHEMA = build_schema(Path("schema.graphql").read_text("utf-8"))
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if "vendored" not in path.parts)
LITERAL = re.compile(r"`((?:query|mutation|subscription|fragment) [^`]+)`")


def test_every_package_has_licence_file() -> None:
    packages = {one.package for one in FILES.files}
    assert {one.package for one in FILES.files if "LICENSE" in one.path} == packages


def test_import_map_has_hash_of_every_npm_file() -> None:
    text = page().decode()
    for file in FILES.files:
        assert file.media_type == "text/plain" or text.count(file.integrity) == 1, file.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_documents_are_valid_for_schema(path: Path) -> None:
    literals: list[str] = LITERAL.findall(path.read_text("utf-8"))
    fragments = [text for text in literals if text.startswith("fragment")]
    for text in literals:
        if text not in fragments:
            used = [one for one in fragments if f"...{one.split()[1]}" in text]
            assert validate(SCHEMA, parse(" ".join([text, *used]))) == [], text


def test_documents_are_found() -> None:
    assert sum(len(LITERAL.findall(path.read_text("utf-8"))) for path in SCRIPTS) >= 8


def test_scripts_do_not_build_documents_from_values() -> None:
    for path in SCRIPTS:
        for text in LITERAL.findall(path.read_text("utf-8")):
            assert "${" not in text, path


@pytest.mark.parametrize(
    "path", [*SCRIPTS, STATIC / "dashboard.html", STATIC / "style.css"], ids=lambda path: path.name
)
def test_files_load_nothing_from_another_server(path: Path) -> None:
    assert not re.search(r"https?://(?!www\.w3\.org)", path.read_text("utf-8"))


def test_policy_allows_no_inline_code_except_import_map() -> None:
    assert policy().count("'sha256-") == 1
    assert "unsafe" not in policy()
