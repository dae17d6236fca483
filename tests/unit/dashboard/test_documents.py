"""The documents of the dashboard's pages are valid in the schema."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

import app.dashboard
from app.graphql.schema import schema

STATIC = Path(app.dashboard.__file__).parent / "static"
_TEXT = re.compile(r"`\s*((?:query|mutation|subscription)\b[^`]*)`")

_FRAGMENT = re.compile(r"`\s*(fragment (\w+) [^`]*)`")


def documents() -> list[tuple[str, str]]:
    """Each document with its file, and with the fragments of the file that it spreads."""
    found = []
    for file in sorted(STATIC.glob("**/*.js")):
        text = file.read_text("utf-8")
        fragments = {name: fragment for fragment, name in _FRAGMENT.findall(text)}
        for document in _TEXT.findall(text):
            used = [fragment for name, fragment in fragments.items() if f"...{name}" in document]
            found.append((file.name, " ".join([document, *used])))
    # A document that parts are inserted into is checked by the test in a browser.
    return [(name, document) for name, document in found if "${" not in document]


DOCUMENTS = documents()


@pytest.mark.parametrize(("file", "text"), DOCUMENTS)
def test_document_is_valid(file: str, text: str) -> None:
    assert validate(schema._schema, parse(text)) == [], file


def test_documents_are_found() -> None:
    assert len(DOCUMENTS) > 20
