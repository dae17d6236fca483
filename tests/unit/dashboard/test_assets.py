"""The dashboard's files: npm files are the published ones, and every GraphQL document fits the schema."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from app.dashboard.assets import FILES, page, policy

STATIC = Path("app/dashboard/static")
SCHEMA = build_schema(Path("schema.graphql").read_text("utf-8"))
SCRIPTS = sorted(path for path in STATIC.rglob("*.js") if "vendored" not in path.parts)
LITERAL = re.compile(r"`((?:query|mutation|subscription|fragment) [^`]+)`")


def test_every_package_has_its_licence_beside_its_files() -> None:
    packages = {one.package for one in FILES.files}
    assert {one.package for one in FILES.files if "LICENSE" in one.path} == packages


def test_browsers_check_the_hash_of_every_npm_file() -> None:
    text = page().decode()
    for file in FILES.files:
        assert file.media_type == "text/plain" or text.count(file.integrity) == 1, file.name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_documents_fit_the_schema(path: Path) -> None:
    literals: list[str] = LITERAL.findall(path.read_text("utf-8"))
    fragments = [text for text in literals if text.startswith("fragment")]
    for text in literals:
        if text not in fragments:
            used = [one for one in fragments if f"...{one.split()[1]}" in text]
            assert validate(SCHEMA, parse(" ".join([text, *used]))) == [], text


def test_some_documents_were_found() -> None:
    assert sum(len(LITERAL.findall(path.read_text("utf-8"))) for path in SCRIPTS) >= 8


def test_no_script_builds_a_document_from_values() -> None:
    for path in SCRIPTS:
        for text in LITERAL.findall(path.read_text("utf-8")):
            assert "${" not in text, path


@pytest.mark.parametrize(
    "path", [*SCRIPTS, STATIC / "dashboard.html", STATIC / "style.css"], ids=lambda path: path.name
)
def test_nothing_is_loaded_from_another_server(path: Path) -> None:
    assert not re.search(r"https?://(?!www\.w3\.org)", path.read_text("utf-8"))


def test_the_policy_allows_no_inline_code_but_the_import_map() -> None:
    assert policy().count("'sha256-") == 1
    assert "unsafe" not in policy()
