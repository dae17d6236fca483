"""Documents: validation before execution."""

import re

import pytest

from app.graphql.execution import document_cache as serving
from app.graphql.execution.document_cache import DocumentCache, InvalidDocument
from app.graphql.execution.errors import MAX_ERRORS
from app.graphql.schema import schema

PAGE = "diamonds(first: 1) { totalCount }"


def new_cache() -> DocumentCache:
    return DocumentCache(schema._schema, suggestions=False)


@pytest.fixture
def documents() -> DocumentCache:
    return new_cache()


def refusal(documents: DocumentCache, text: str) -> str:
    with pytest.raises(InvalidDocument) as raised:
        documents.read(text)
    return raised.value.errors[0].message


def test_valid_document_is_parsed_once(documents: DocumentCache) -> None:
    first = documents.read(f"{{ {PAGE} }}")
    assert documents.read(f"{{ {PAGE} }}") is first


def test_document_cache_is_limited_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_CACHED_BYTES", 1_000_000)
    documents = new_cache()
    large = " ".join(f'"{number}"' for number in range(900))
    for number in range(6):
        documents.read(f"query Q{number} {{ diamonds(filter: {{suppliers: [{large}]}}) {{ totalCount }} }}")
        assert documents.cached_bytes < 1_000_000
    assert len(documents._cache) == 2
    for number in range(60):
        documents.read(f"query Small{number} {{ {PAGE} }}")
    assert len(documents._cache) == 61, "one large document is left"
    assert documents.cached_bytes == sum(document.size for document in documents._cache.values())


def test_document_cache_keeps_recently_used_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MAX_CACHED_BYTES", 3 * new_cache().read(f"query First {{ {PAGE} }}").size)
    documents = new_cache()
    first = documents.read(f"query First {{ {PAGE} }}")
    for number in range(10):
        documents.read(f"query Q{number} {{ {PAGE} }}")
        assert documents.read(f"query First {{ {PAGE} }}") is first


@pytest.mark.parametrize(
    "text", ["#" + "x" * 30_000 + "\n{ __typename }", '{ node(id: "' + "x" * 30_000 + '") { id } }']
)
def test_document_size_includes_text(documents: DocumentCache, text: str) -> None:
    assert documents.read(text).size > 30_000


@pytest.mark.parametrize(
    "text",
    [
        "{ __typename " + "@unknown " * 50 + "}",
        "{ " + " ".join(f"unknown{number}" for number in range(200)) + " }",
        "query (" + " ".join(f"$v{number}: Unknown" for number in range(100)) + ") { __typename }",
    ],
)
def test_number_of_document_errors_is_limited(documents: DocumentCache, text: str) -> None:
    with pytest.raises(InvalidDocument) as raised:
        documents.read(text)
    assert len(raised.value.errors) == MAX_ERRORS + 1
    assert "limit" in raised.value.errors[-1].message


def test_invalid_document_is_not_cached(documents: DocumentCache) -> None:
    refusal(documents, "{ nope }")
    assert not documents._cache


def test_suggestions_are_returned_only_when_enabled(documents: DocumentCache) -> None:
    assert "Did you mean" not in refusal(documents, "{ diamond }{")
    assert "Did you mean" not in refusal(documents, "{ diamondz { totalCount } }")
    assert "Did you mean" in refusal(DocumentCache(schema._schema, suggestions=True), "{ diamondz { totalCount } }")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Syntax Error"),
        ("{", "Syntax Error"),
        ("{" + " ".join(f"a{n}: {PAGE}" for n in range(16)) + "}", "16 aliases"),
        ("{" + f"{PAGE} " * 150 + "}", "more than 1000 tokens"),
        ("{ __typename " + "@include(if: true) " * 51 + "}", "51 directives"),
        ("{" + "me { keyId } " * 21 + "}", "21 fields of one name in one place"),
        ("{" + "... { me { keyId } } ... { ... on Query { me { keyId } } } " * 11 + "}", "22 fields of one name"),
        ("#" * 40_000, "longer than 32768"),
        ("{" + "a{" * 400 + "b" + "}" * 400 + "}", "levels|deeply"),
        ("{ diamonds { edges " + "{ node " * 10 + "{ id }" + "}" * 10 + "} }", "13 levels"),
        ("query Q($a: Int = " + "[" * 450 + "]" * 450 + ") { __typename }", "deeply|Int"),
    ],
)
def test_document_over_cost_limit_is_rejected_with_reason(documents: DocumentCache, text: str, reason: str) -> None:
    with pytest.raises(InvalidDocument) as raised:
        documents.read(text)

    assert re.search(reason, raised.value.errors[0].message)


def test_fields_requested_in_many_places_are_not_duplicates(documents: DocumentCache) -> None:
    fields = " ".join(f"a{n}: {PAGE}" for n in range(12))
    text = f"{{ {fields} {'me { keyId } ' * 20} ...A }} fragment A on Query {{ {'me { keyId } ' * 20} }}"
    assert list(documents.read(text).plans) == [None]


def test_depth_includes_fragments(documents: DocumentCache) -> None:
    chain = " ".join(f"fragment F{n} on Diamond {{ id ...F{n + 1} }}" for n in range(40))
    text = f"{{ diamonds {{ nodes {{ ...F0 }} }} }} {chain} fragment F40 on Diamond {{ certificate {{ lab }} }}"
    assert list(documents.read(text).plans) == [None]
    deep = "{ diamonds { ...A } } fragment A on DiamondConnection { edges { node { a { b { c { d { e { f { g { h }}}}}}}}}}"
    assert "levels" in refusal(documents, deep)


def test_fragment_that_spreads_itself_is_rejected(documents: DocumentCache) -> None:
    assert "itself" in refusal(documents, "{ diamonds { ...A } } fragment A on DiamondConnection { totalCount ...A }")


def test_document_reports_introspection(documents: DocumentCache) -> None:
    assert documents.read("{ __schema { queryType { name } } }").introspects
    assert documents.read('{ a: __type(name: "Diamond") { name } }').introspects
    assert not documents.read(f"{{ __typename {PAGE} }}").introspects
