"""Versions of the supplier's schema, removed and renamed members."""

import msgspec
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    print_schema,
    print_type,
    validate_schema,
)

from sandbox.supplier.served_schema import VERSIONS, SchemaOptions, ServedSchema, Version, stored_name

ADDED_IN_2026 = [
    ("DiamondItem", "diamond_price"),
    ("Diamond", "NivodaStockId"),
    ("Certificate", "girdleCondition"),
    ("Certificate", "culet_condition"),
    ("Certificate", "cut_style"),
    ("Certificate", "mix_tinge"),
    ("Certificate", "product_images"),
    ("Certificate", "product_videos"),
    ("V360Info", "id"),
    ("DiamondQuery", "excludeFairPoorCuts"),
    *(("DiamondOrderType", name) for name in ("color", "clarity", "cut", "price_per_carat", "popular")),
]
PUBLISHED = [
    ("IntRange", "from: Int!"),
    ("IntRange", "to: Int!"),
    ("FloatRange", "from: Float!"),
    ("FloatRange", "to: Float!"),
    ("DateRange", "from: String\n"),
    ("DiamondOrder", "direction: OrderDirection!"),
    ("DiamondQuery", "sizes: [FloatRange]"),
    ("DiamondQuery", "filter_ids: [ID]"),
    ("DiamondItem", "price: Int!"),
    ("DiamondItem", "discount: Int!"),
    ("DiamondList", "items: [DiamondItem]"),
    ("Diamond", "availability: ProductAvailability!"),
    ("Diamond", "final_price: Boolean!"),
    ("Certificate", "length: String!"),
    ("Certificate", "carats: Float!"),
    ("Certificate", "clarity: DiamondClarity\n"),
    ("Certificate", "lab: CertificateLab!"),
    ("Certificate", "verified: String\n"),
    ("Query", "as(token: String): Query!"),
    ("Query", "get_diamond_by_id(diamond_id: ID!): DiamondItem!"),
    ("Mutation", "create_order(items: [OrderItemInput!]!): String\n"),
    ("Mutation", "create_hold(ProductId: ID!, ProductType: ProductType!, requested_info: [RequestedInfoType]): Hold!"),
    ("Hold", "until: Float\n"),
    ("Hold", "denied: Boolean\n"),
    ("Session", "expires: Float!"),
    ("User", "holds: [Hold]"),
    ("OrderItemInput", "destinationId: ID\n"),
    ("ProductAvailability", "ON_MEMO"),
    ("DiamondQuality", "EIGHTX"),
    ("DiamondColor", "FANCY"),
]


def members(version: Version, name: str) -> set[str]:
    kind = ServedSchema(SchemaOptions(version)).graphql.type_map[name]
    if isinstance(kind, GraphQLEnumType):
        return set(kind.values)
    assert isinstance(kind, GraphQLObjectType | GraphQLInputObjectType)
    return set(kind.fields)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "line"), PUBLISHED)
def test_both_versions_have_published_members(version: Version, name: str, line: str) -> None:
    schema = ServedSchema(SchemaOptions(version)).graphql
    assert validate_schema(schema) == []
    assert f"  {line}" in print_type(schema.type_map[name])


@pytest.mark.parametrize(("name", "member"), ADDED_IN_2026)
def test_only_2026_has_members_added_in_2026(name: str, member: str) -> None:
    assert member in members("2026", name)
    assert member not in members("2024", name)


def test_no_version_has_unpublished_members() -> None:
    for version in VERSIONS:
        assert "ids" not in members(version, "DiamondQuery")
        assert not {"UNAVAILABLE", "ON HOLD"} & members(version, "ProductAvailability")


def test_only_removed_members_are_missing() -> None:
    removed = ("DiamondQuery.filter_ids", "Certificate.comments", "DiamondClarity.SI3")
    served = ServedSchema(SchemaOptions(without=removed))
    text = print_schema(ServedSchema(SchemaOptions()).graphql)
    for line in ("  filter_ids: [ID]\n", "  comments: String\n", "  SI3\n"):
        assert text.count(line) == 1
        text = text.replace(line, "")
    assert print_schema(served.graphql) == text
    assert not served.plain


def test_renamed_member_keeps_position_type_and_stored_name() -> None:
    renames = ("DiamondQuery.filter_ids=ids", "Diamond.HoldId=holdId", "ProductAvailability.ON_HOLD=HELD")
    served = ServedSchema(SchemaOptions(rename=renames)).graphql
    text = print_schema(ServedSchema(SchemaOptions()).graphql)
    for old, new in (("  filter_ids: [ID]", "  ids: [ID]"), ("  HoldId: ID", "  holdId: ID"), ("  ON_HOLD", "  HELD")):
        text = text.replace(old, new)
    assert print_schema(served) == text
    query, diamond, availability = (
        served.type_map[name] for name in ("DiamondQuery", "Diamond", "ProductAvailability")
    )
    assert isinstance(query, GraphQLInputObjectType)
    assert query.fields["ids"].out_name == "filter_ids"
    assert isinstance(diamond, GraphQLObjectType)
    assert stored_name(diamond.fields["holdId"], "holdId") == "HoldId"
    assert stored_name(diamond.fields["id"], "id") == "id"
    assert isinstance(availability, GraphQLEnumType)
    assert availability.serialize("ON_HOLD") == "HELD"


def test_change_of_one_schema_does_not_affect_others() -> None:
    ServedSchema(SchemaOptions(without=("Diamond.HoldId",)))
    assert "HoldId" in members("2026", "Diamond")


@pytest.mark.parametrize(
    "options",
    [
        SchemaOptions(without=("Diamond.sparkle",)),
        SchemaOptions(without=("Sparkle.id",)),
        SchemaOptions(without=("Diamond",)),
        SchemaOptions(without=("ID.id",)),
        SchemaOptions(version="2024", without=("Diamond.NivodaStockId",)),
        SchemaOptions(rename=("Diamond.HoldId",)),
        SchemaOptions(rename=("Diamond.HoldId=hold id",)),
    ],
)
def test_unknown_member_is_error(options: SchemaOptions) -> None:
    with pytest.raises(ValueError, match=r"Diamond|Sparkle|ID"):
        ServedSchema(options)


def test_unknown_version_is_error() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"version": "2025"}, SchemaOptions)
