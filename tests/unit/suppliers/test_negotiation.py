"""Negotiated documents are valid for the supplier's schema, for any missing members."""

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_operation_ast,
    get_variable_values,
    graphql_sync,
    parse,
    validate,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

import inventory.suppliers.nivoda
from inventory.core.errors import SupplierSchemaChanged
from inventory.suppliers.nivoda.absences import absences
from inventory.suppliers.nivoda.documents import AUTHENTICATE, COUNT, PAGES, SupplierOperation
from inventory.suppliers.nivoda.error_entries import entries_of
from inventory.suppliers.nivoda.filters import FeedFilter, offered, probe
from inventory.suppliers.nivoda.introspection import INTROSPECT, Introspected
from inventory.suppliers.nivoda.negotiation import Negotiated
from inventory.suppliers.nivoda.operations import OPERATIONS
from inventory.suppliers.nivoda.schema_view import SchemaView, assumed_view, view_of
from inventory.suppliers.nivoda.trading_documents import CREATE_ORDER
from inventory.suppliers.ports import StoneQuery
from sandbox.supplier.served_schema import VERSIONS, SchemaOptions, ServedSchema, Version, published_types

PAGE = PAGES["dollar_value"].full

NINE = {
    "DiamondItem.diamond_price", "Diamond.NivodaStockId", "Certificate.girdleCondition", "Certificate.culet_condition",
    "Certificate.cut_style", "Certificate.mix_tinge", "Certificate.product_images", "Certificate.product_videos",
    "V360Info.id",
}  # fmt: skip
NEGOTIATED = [operation for operation in OPERATIONS if operation is not INTROSPECT]
IDS = [operation.name for operation in NEGOTIATED]


def served(version: Version = "2026", *without: str, rename: tuple[str, ...] = ()) -> GraphQLSchema:
    return ServedSchema(SchemaOptions(version=version, without=without, rename=rename)).graphql


def introspected(schema: GraphQLSchema) -> SchemaView:
    """The view that the supplier's introspection result gives."""
    result = graphql_sync(schema, INTROSPECT.document)
    assert result.errors is None
    return msgspec.convert(result.data, Introspected).view()


def violations(schema: GraphQLSchema, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Validation errors of graphql-core for a request."""
    document = parse(request["query"])
    if errors := validate(schema, document):
        return [dict(error.formatted) for error in errors]
    operation = get_operation_ast(document)
    assert operation
    values = get_variable_values(schema, operation.variable_definitions or [], request["variables"])
    return [dict(error.formatted) for error in values] if isinstance(values, list) else []


def values_for(operation: SupplierOperation[Any], view: SchemaView) -> dict[str, object]:
    """Example variables with the filters that the view offers."""
    variables = dict(OPERATIONS[operation])
    return {**variables, "query": probe(view, "dollar_value")} if "query" in variables else variables


def differences(version: Version = "2026", *without: str, operation: SupplierOperation[Any] = PAGE) -> tuple[str, ...]:
    return operation.template.negotiate(introspected(served(version, *without))).differences


def test_every_client_operation_is_registered() -> None:
    package = inventory.suppliers.nivoda
    modules = [
        importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)
    ]
    values = [value for module in modules for value in vars(module).values()]
    found = {value for value in values if isinstance(value, SupplierOperation)}
    assert found | {operation for pages in PAGES.values() for operation in (pages.full, *pages.smaller)} == set(
        OPERATIONS
    )
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=[operation.name for operation in OPERATIONS])
def test_every_document_with_variables_is_valid_in_newer_schema(
    operation: SupplierOperation[Any],
) -> None:
    request = {"query": operation.document, "variables": OPERATIONS[operation]}
    assert violations(served("2026"), request) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", NEGOTIATED, ids=IDS)
def test_every_negotiated_document_is_valid_with_variables(operation: SupplierOperation[Any], version: Version) -> None:
    schema = served(version)
    view = introspected(schema)
    request = operation.template.negotiate(view).request(values_for(operation, view))
    assert violations(schema, request) == []


def test_complete_schema_leaves_every_document_unchanged() -> None:
    view = introspected(served("2026"))
    assert [operation.template.negotiate(view).document for operation in NEGOTIATED] == [
        operation.document for operation in NEGOTIATED
    ]
    assert offered(view, "dollar_value").differences == ()


def test_older_schema_removes_only_nine_newer_fields() -> None:
    assert {one.partition(" ")[0] for one in differences("2024")} == NINE


def test_assumed_types_match_published_schema() -> None:
    view = assumed_view()
    published = view_of(build_schema(published_types("2026")))
    assert (
        view.without(absences(entries_of([{"message": 'Field "ids" is not defined by type "DiamondQuery".'}]))[0])
        == published
    )


def test_introspected_schema_equals_schema() -> None:
    view, published = introspected(served("2026")), view_of(build_schema(published_types("2026")))
    for name, fields in published.objects.items():
        assert view.objects[name] == fields
    for name, members in published.inputs.items():
        assert view.inputs[name] == members
    for name, values in published.enums.items():
        assert view.enums[name] == values


@pytest.mark.parametrize(
    ("member", "operation"),
    [
        ("DiamondItem.id", PAGE), ("DiamondItem.price", PAGE), ("DiamondItem.diamond", PAGE), ("Diamond.id", PAGE),
        ("Diamond.availability", PAGE), ("Diamond.certificate", PAGE), ("Certificate.carats", PAGE),
        ("DiamondList.items", PAGE), ("Query.diamonds_by_query", PAGE), ("Query.diamonds_by_query_count", COUNT),
        ("Session.token", AUTHENTICATE), ("Query.as", PAGE), ("Mutation.create_order", CREATE_ORDER),
        ("OrderItemInput.offerId", CREATE_ORDER),
    ],
)  # fmt: skip
def test_missing_required_member_is_named_in_error(member: str, operation: SupplierOperation[Any]) -> None:
    with pytest.raises(SupplierSchemaChanged, match=member):
        operation.template.negotiate(introspected(served("2026", member)))


def test_unsupported_optional_value_is_error_only_when_given() -> None:
    negotiated = CREATE_ORDER.template.negotiate(introspected(served("2026", "OrderItemInput.destinationId")))
    assert "destinationId" not in negotiated.document
    negotiated.request({"token": "t", "offer": "o"})
    with pytest.raises(SupplierSchemaChanged, match=r"OrderItemInput\.destinationId"):
        negotiated.request({"token": "t", "offer": "o", "destination": "elsewhere"})


@pytest.mark.parametrize(
    ("without", "order"),
    [
        ((), "price"), (("DiamondOrderType.price",), "createdAt"),
        (("DiamondOrderType.price", "DiamondOrderType.createdAt"), "size"),
        (("OrderDirection.ASC",), None), (("DiamondOrder.direction",), None), (("DiamondOrder.type",), None),
    ],
)  # fmt: skip
def test_missing_order_falls_back_to_next_or_none(without: tuple[str, ...], order: str | None) -> None:
    schema = served("2026", *without)
    negotiated = PAGE.template.negotiate(introspected(schema))
    assert negotiated.order == order
    assert violations(schema, negotiated.request(values_for(PAGE, introspected(schema)))) == []
    assert len(negotiated.differences) == bool(without)


def changed(old: str, new: str) -> GraphQLSchema:
    """The newer schema with one line of its text changed."""
    text = published_types("2026")
    assert old in text
    return build_schema(text.replace(old, new) if old.isidentifier() else text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("as(token: String): Query!", "as(token: String!): Query"),
        ("diamonds_by_query(offset: Int, limit: Int, query: DiamondQuery", "diamonds_by_query(offset: Int!, limit: Int!, query: DiamondQuery!"),
        ("items: [DiamondItem]\n", "items: [DiamondItem!]!\n"),
        ("price: Int!", "price: Int"),
        ("DiamondQuery", "StoneQuery"),
        ("input DiamondQuery {", "input StoneFilter { a: Int }\ninput DiamondQuery {"),
        ("get_diamond_by_id(diamond_id: ID!)", "get_diamond_by_id(diamond_id: String!)"),
        ("diamonds_by_query(offset: Int, limit: Int,", "diamonds_by_query(offset: Float, limit: Float = 50,"),
        ("type Diamond {", "interface Anything { id: ID! }\ntype Diamond implements Anything {"),
    ],
)  # fmt: skip
def test_changed_nullability_and_renamed_types_are_irrelevant(old: str, new: str) -> None:
    schema = changed(old, new)
    view = introspected(schema)
    for operation in NEGOTIATED:
        negotiated = operation.template.negotiate(view)
        assert violations(schema, negotiated.request(values_for(operation, view))) == []
        assert negotiated.differences == ()


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("  supplier: Company\n", "  supplier: String\n", "Diamond.supplier has another kind of type (String)"),
        ("  milky: String\n", "  milky: Tinge\n", "Diamond.milky has another kind of type (Tinge)"),
        ("  milky: String\n", "  milky(scale: Int!): String\n", "Diamond.milky requires the argument scale"),
    ],
)
def test_field_with_changed_selection_is_dropped(old: str, new: str, difference: str) -> None:
    text = published_types("2026").replace(old, new) + "\ntype Tinge { name: String }\n"
    schema = build_schema(text)
    negotiated = PAGE.template.negotiate(introspected(schema))
    assert negotiated.differences == (f"{difference}; it is not read",)
    assert violations(schema, negotiated.request(values_for(PAGE, introspected(schema)))) == []


@pytest.mark.parametrize(
    ("without", "rename", "lookup"),
    [
        ((), (), "filter_ids"),
        ((), ("DiamondQuery.filter_ids=ids",), "ids"),
        (("DiamondQuery.filter_ids",), (), "single"),
    ],
)
def test_lookup_uses_filter_of_schema(without: Any, rename: Any, lookup: str) -> None:
    view = introspected(served("2026", *without, rename=rename))
    found = offered(view, "dollar_value")
    assert found.lookup == lookup
    assert len(found.differences) == (lookup != "filter_ids")


@pytest.mark.parametrize(
    ("member", "query", "attribute"),
    [
        ("dollar_value", StoneQuery(price_from=1), "price"), ("sizes", StoneQuery(carats_to=Decimal(1)), "carats"),
        ("sizes", StoneQuery(cross_to=100), "carats"), ("labgrown", StoneQuery(lab_grown=True), "origin"),
        ("updated", StoneQuery(updated_from=datetime(2026, 2, 12, tzinfo=UTC)), "changed"),
    ],
)  # fmt: skip
def test_unsupported_filter_is_never_omitted(member: str, query: StoneQuery, attribute: str) -> None:
    view = introspected(served("2026", f"DiamondQuery.{member}"))
    assert getattr(offered(view, "dollar_value"), attribute) is False
    with pytest.raises(SupplierSchemaChanged, match=rf"DiamondQuery\.{member}"):
        FeedFilter(dimension="dollar_value", query=query).build(view)
    FeedFilter(dimension="dollar_value").build(view)


def test_missing_dimension_names_setting_to_change() -> None:
    view = introspected(served("2026", "DiamondQuery.dollar_value"))
    with pytest.raises(SupplierSchemaChanged, match="NIVODA_PARTITION_DIMENSION=dollar_per_carat"):
        FeedFilter(dimension="dollar_value", query=StoneQuery(price_to=5)).build(view)
    built = FeedFilter(dimension="dollar_per_carat", query=StoneQuery(price_to=5)).build(view)
    assert built["dollar_per_carat"] == {"from": 0, "to": 5}


def test_cross_filter_is_price_or_weight() -> None:
    view, query = introspected(served("2026")), StoneQuery(cross_from=20, cross_to=150)
    by_carat = FeedFilter(dimension="dollar_per_carat", query=query).build(view)
    assert by_carat["dollar_value"] == {"from": 20, "to": 150}
    assert FeedFilter(dimension="dollar_value", query=query).build(view)["sizes"] == [{"from": 0.2, "to": 1.5}]


def test_markup_is_omitted_from_compared_price_when_allowed() -> None:
    chosen = FeedFilter(dimension="dollar_value")
    assert chosen.build(introspected(served("2026"))) == {"search_on_markup_price": False}
    assert chosen.build(introspected(served("2026", "DiamondQuery.search_on_markup_price"))) == {}


# Any combination of missing members


def _removable(schema: GraphQLSchema) -> list[str]:
    kinds = (GraphQLObjectType, GraphQLInputObjectType, GraphQLEnumType)
    used = (
        "Diamond",
        "Certificate",
        "V360",
        "Company",
        "Delivery",
        "Product",
        "Order",
        "Session",
        "Hold",
        "Mutation",
        "Query",
    )
    return [
        f"{name}.{member}"
        for name, kind in schema.type_map.items()
        if isinstance(kind, kinds) and name.startswith(used)
        for member in (kind.values if isinstance(kind, GraphQLEnumType) else kind.fields)
    ]


REMOVABLE: dict[Version, list[str]] = {version: _removable(served(version)) for version in VERSIONS}
# Members that the documents select, so that most examples affect a document.
INTERESTING = [
    "Diamond.milky", "Diamond.supplier", "Company.name", "Company.legal_name", "Company.id", "Certificate.v360",
    "V360Info.url", "V360Info.id", "Certificate.floInt", "DeliveryTime.min_business_days", "DiamondQuery.filter_ids",
    "DiamondQuery.sizes", "DiamondQuery.labgrown", "DiamondQuery.updated", "DiamondQuery.search_on_markup_price",
    "DiamondOrderType.price", "DiamondOrderType.createdAt", "DiamondOrderType.size", "DiamondOrder.direction",
    "OrderItemInput.customer_comment", "OrderItemInput.destinationId", "Session.expires", "Hold.until", "Hold.denied",
]  # fmt: skip
variants = st.sampled_from(VERSIONS).flatmap(
    lambda version: st.tuples(
        st.just(version),
        st.lists(st.sampled_from(REMOVABLE[version]) | st.sampled_from(INTERESTING), max_size=12, unique=True),
    )
)


def negotiate(operation: SupplierOperation[Any], view: SchemaView) -> Negotiated | str:
    """The document, or the message of the error."""
    try:
        return operation.template.negotiate(view)
    except SupplierSchemaChanged as error:
        return error.message


def variant(version: Version, without: list[str]) -> GraphQLSchema | None:
    """The schema without these members. None if that is no schema or the same one."""
    try:
        return served(version, *[one for one in without if one in REMOVABLE[version]])
    except ValueError:
        return None


@settings(max_examples=25)
@given(chosen=variants)
@example(chosen=("2024", ["Diamond.id"]))
def test_negotiated_document_is_valid_or_error_names_missing_member(
    chosen: tuple[Version, list[str]],
) -> None:
    schema = variant(*chosen)
    if schema is None:
        return
    view = view_of(schema)
    for operation in NEGOTIATED:
        negotiated = negotiate(operation, view)
        if isinstance(negotiated, str):
            assert any(member.partition(".")[2] in negotiated for member in chosen[1])
            continue
        variables = {
            name: value for name, value in values_for(operation, view).items() if name not in negotiated.unusable
        }
        assert violations(schema, negotiated.request(variables)) == []


@settings(max_examples=25)
@given(chosen=variants, located=st.booleans())
def test_rejections_and_introspection_negotiate_equally(chosen: tuple[Version, list[str]], located: bool) -> None:
    schema = variant(*chosen)
    if schema is None:
        return
    expected = view_of(schema)
    view = assumed_view()
    for operation in NEGOTIATED:
        for _ in range(25):
            negotiated = negotiate(operation, view)
            if isinstance(negotiated, str):
                assert isinstance(negotiate(operation, expected), str)
                break
            variables = {
                name: value for name, value in values_for(operation, view).items() if name not in negotiated.unusable
            }
            request = negotiated.request(variables)
            errors = violations(schema, request)
            if not errors:
                break
            if not located:
                for error in errors:
                    error.pop("locations", None)
            learned = view
            for absence in absences(entries_of(errors), request["query"]):  # type: ignore[arg-type]
                learned = learned.without(absence)
            assert learned != view, errors
            view = learned
        else:
            raise AssertionError(f"{operation} is rejected again and again")


def test_unknown_input_type_is_inlined_without_introspection() -> None:
    schema = changed("DiamondQuery", "StoneQuery")
    view = assumed_view()
    query = {
        "dollar_value": {"from": 0, "to": 5},
        "sizes": [{"from": 0.5, "to": 1.0}],
        "labgrown": False,
        "filter_ids": ['a"\n$x'],
    }
    variables = {"token": "t", "query": query, "offset": 0, "limit": 50}
    request = PAGE.template.negotiate(view).request(variables)
    errors = violations(schema, request)
    for absence in absences(entries_of(errors), str(request["query"])):
        view = view.without(absence)
    request = PAGE.template.negotiate(view).request(variables)
    assert violations(schema, request) == []
    assert request["variables"] == {"token": "t", "offset": 0, "limit": 50}
    assert r'filter_ids:["a\"\n$x"]' in str(request["query"])
