"""The documents that stand in the documentation are good ones."""

import re
from pathlib import Path

import pytest

from app.graphql.execution.document_cache import DocumentCache
from app.graphql.schema import schema

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "subscriptions.md"
DOCUMENTS = re.findall(r"^```graphql\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
def test_every_document_of_the_page_on_subscriptions_fits_the_schema(number: int) -> None:
    assert DocumentCache(schema._schema, suggestions=False).read(DOCUMENTS[number]).plans


def test_the_page_on_subscriptions_has_documents() -> None:
    assert len(DOCUMENTS) == 2
