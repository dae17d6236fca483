"""Documents in the documentation are valid for the schema."""

import re
from pathlib import Path

import pytest

from app.graphql.execution.document_cache import DocumentCache
from app.graphql.schema import schema

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "subscriptions.md"
DOCUMENTS = re.findall(r"^```graphql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
def test_documents_of_subscriptions_page_are_valid_for_schema(number: int) -> None:
    assert DocumentCache(schema._schema, suggestions=False).read(DOCUMENTS[number]).plans


def test_subscriptions_page_contains_documents() -> None:
    assert len(DOCUMENTS) == 3
