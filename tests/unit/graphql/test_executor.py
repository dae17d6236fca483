"""Fast path of the executor: for every selection and every row, the result equals graphql-core's result."""

import asyncio
import inspect
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NewType, cast
from uuid import UUID

import msgspec
import pytest
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLObjectType,
    execute,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from hypothesis import given
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from app.auth.scopes import Principal, Scope
from app.graphql.context import Context
from app.graphql.execution.document_cache import DocumentCache
from app.graphql.executor import PlainFieldExecutor
from app.graphql.schema import schema
from app.graphql.selection_cache import SelectionCache
from app.graphql.selection_compiler import Compiler, Make, SelectedField
from inventory.catalog.diamond import Diamond
from inventory.catalog.facets import STANDARD_EDGES, Edges, Facets
from inventory.catalog.search import (
    DiamondCriteria,
    DiamondSearch,
    PageOffset,
    PageWindow,
    SearchHit,
    SearchPage,
    SortOrder,
    SortPosition,
)

CORE = schema._schema
INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = Diamond(
    id=UUID(int=1), supplier="nivoda", supplier_stone_id="s", offer_id="o", shape="ROUND", raw_shape="RB",
    carat_milli=1010, color="E", clarity="VS1", cut="EXCELLENT", polish="GOOD", symmetry="IDEAL", fluorescence="FAINT",
    fluorescence_color="BLUE", fancy_color="PINK", fancy_intensity=None, fancy_overtone=None, lab_grown=False,
    treated=None, supplier_price_cents=100_000, price_per_carat_cents=99_010, retail_price_cents=115_000,
    markup_ratio=Decimal("1.15"), rating=7, availability="available", raw_availability="AVAILABLE",
    open_hold={"id": str(UUID(int=9)), "client_id": "me", "state": "active", "price_cents": 1,
               "expires_at": "2026-01-01T12:00:00+00:00", "wanted_until": None},
    image_url="https://example.com/1.jpg", video_url=None, certificate_lab="GIA", certificate_number="1",
    certificate_pdf_url=None, length_milli=6500, width_milli=6450, height_milli=None, ratio_milli=1008,
    table_milli=57_000, depth_milli=61_900, eye_clean=True, brown_tinge=False, green_tinge=None, milky=None,
    supplier_name="Example", supplier_legal_name="Example Ltd", measurements='{"crownAngle":34.5}',
    growth_method="CVD", spin_url="https://example.com/360", stock_number="N1", supplier_stock_number=None,
    delivery_min_days=2, delivery_max_days=None, return_days=0,
    attributes='{"a":[1,null],"keyToSymbols":"Crystal, Feather","images":["https://example.com/2.jpg"]}', status="active", source_updated_at=INSTANT, created_at=INSTANT, updated_at=INSTANT,
    deleted_at=None,
)  # fmt: skip
# Values that no row should have: nulls in non-null columns, unknown grades, values of other types.
ODD: Mapping[str, Sequence[object]] = {
    "shape": ["SPLASH", None, 7],
    "color": ["O-P", None, 5.5],
    "availability": ["lost", None],
    "carat_milli": [None, "heavy", 10**400, 0],
    "retail_price_cents": [None, "dear", 10**30],
    "supplier_price_cents": [None],
    "markup_ratio": [None, Decimal("NaN")],
    "rating": [None, 2**40, "high", True],
    "lab_grown": [None, 1, "yes"],
    "created_at": [None, "yesterday"],
    "measurements": [None, "{", '{"crownAngle":"steep"}'],
    "growth_method": ["MAGIC", 3],
    "delivery_max_days": ["soon", 2**40],
    "spin_url": [5],
    "attributes": ["null", "1", "[", None, '{"keyToSymbols":7}', '{"images":7}'],
    "supplier": [None, 5, b"x"],
    "open_hold": [None, {}, {"state": "active", "expires_at": "never"}],
    "certificate_lab": [None, 3],
    "id": [UUID(int=2), None],
}


class FakeSearch(DiamondSearch):
    """Search that returns the rows that the test stored."""

    def __init__(self, diamonds: Sequence[Diamond]) -> None:
        self.diamonds = diamonds

    async def page(
        self, criteria: DiamondCriteria, order: SortOrder, stretch: PageWindow | PageOffset, columns: Collection[str]
    ) -> SearchPage:
        return SearchPage([SearchHit(one, SortPosition(1, UUID(int=1))) for one in self.diamonds], more=False)

    async def count(self, criteria: DiamondCriteria) -> int:
        return len(self.diamonds)

    async def facets(
        self,
        criteria: DiamondCriteria,
        names: Collection[str],
        *,
        disregard_own: bool = False,
        edges: Edges = STANDARD_EDGES,
    ) -> Facets:
        return Facets({"shape": {"ROUND": 2, "SPLASH": 1}}, {})

    async def find(self, ids: Collection[UUID], columns: Collection[str]) -> Mapping[UUID, Diamond]:
        return dict(zip(ids, self.diamonds, strict=False))


class ReferenceExecutor(PlainFieldExecutor):
    """graphql-core without compiled selections."""

    def _selection(self, kind: GraphQLObjectType, selected: Any) -> None:
        return None


class CountingExecutor(PlainFieldExecutor):
    """Counts objects with and without a compiled selection."""

    made = missed = 0

    def collect_and_execute_subfields(self, *arguments: Any) -> Any:
        type(self).made += self._selection(*arguments[:2]) is not None
        type(self).missed += self._selection(*arguments[:2]) is None
        return super().collect_and_execute_subfields(*arguments)

    def complete_list_value(self, return_type: Any, selected: Any, *arguments: Any) -> Any:
        kind = get_named_type(return_type)
        type(self).made += isinstance(kind, GraphQLObjectType) and self._selection(kind, selected) is not None
        return super().complete_list_value(return_type, selected, *arguments)


def context(diamonds: Sequence[Diamond], *scopes: Scope) -> Context:
    nothing = cast("Any", None)
    return Context(
        principal=Principal("me", "key", frozenset(scopes)),
        document=nothing,
        services=nothing,
        search=FakeSearch(diamonds),
    )


async def answer(
    text: str, variables: dict[str, Any], asked: Context, executor: type[PlainFieldExecutor] = PlainFieldExecutor
) -> dict[str, Any]:
    document = parse(text)
    assert validate(CORE, document) == []
    return await execute_document(document, variables, asked, executor)


async def execute_document(
    document: DocumentNode, variables: dict[str, Any], asked: Context, executor: type[PlainFieldExecutor]
) -> dict[str, Any]:
    result = execute(CORE, document, None, asked, variables, executor_class=executor, operation_extensions={})
    if inspect.isawaitable(result):
        result = await result
    assert isinstance(result, ExecutionResult)
    errors = [error.formatted for error in result.errors or ()]
    return {"data": result.data, "errors": sorted(errors, key=lambda error: str(error["path"]))}


FIELDS = {
    name: {field: get_named_type(one.type) for field, one in kind.fields.items() if not one.args or field == "hold"}
    for name in ("DiamondConnection", "DiamondEdge", "PageInfo", "Diamond", "Money", "Certificate", "FancyColor",
                 "ReportedGrades", "Measurements", "DiamondHold", "Image", "Video", "Spin360", "DeliveryTime", "Crown", "Pavilion",
                 "Girdle", "Culet")
    if isinstance(kind := CORE.type_map[name], GraphQLObjectType)
}  # fmt: skip
CONDITIONS = st.sampled_from(
    ["", "", "", "@include(if: $yes)", "@skip(if: $yes)", "@include(if: $no)", "@skip(if: $no)"]
)


@st.composite
def selections(draw: st.DrawFn, kind: str = "DiamondConnection", depth: int = 0) -> str:
    """Fields of a type, with aliases, conditions, inline and named fragments; some twice."""
    parts = []
    for name in draw(st.lists(st.sampled_from(["__typename", *FIELDS[kind]]), min_size=1, max_size=6)):
        below = FIELDS[kind].get(name)
        if below is None or is_leaf_type(below):
            part = name
        elif below.name in FIELDS and depth < 4:
            part = f"{name} {draw(CONDITIONS)} {{ {draw(selections(below.name, depth + 1))} }}"
        else:
            continue
        # An alias that only this field has, so that no two fields want one name.
        alias = f"{name.strip('_')}_{draw(st.integers(1, 2))}: " if draw(st.integers(0, 3)) == 0 else ""
        field = f"{alias}{part}" if "{" in part else f"{alias}{part} {draw(CONDITIONS)}"
        parts.append(draw(st.sampled_from(["{}", "{}", f"... on {kind} {{{{ {{}} }}}}"])).format(field))
    return " ".join(parts) or "__typename"


@st.composite
def rows(draw: st.DrawFn) -> Diamond:
    """A row with mostly valid values."""
    changes: dict[str, Any] = {
        name: draw(st.sampled_from(ODD[name])) for name in draw(st.sets(st.sampled_from(sorted(ODD)), max_size=3))
    }
    return Diamond(**{**{name: getattr(GOOD, name) for name in Diamond.__struct_fields__}, **changes})


@given(
    selection=selections(),
    shared=selections("Diamond", depth=1),
    diamonds=st.lists(st.one_of(st.just(GOOD), rows()), max_size=3),
    scopes=st.sets(st.just(Scope.PRICES_SUPPLIER)),
)
def test_result_equals_result_of_graphql_core(
    selection: str, shared: str, diamonds: list[Diamond], scopes: set[Scope]
) -> None:
    text = f"""query ($yes: Boolean!, $no: Boolean!) {{
        both: __typename @include(if: $yes) @skip(if: $no)
        diamonds(first: 3) {{ {selection} nodes {{ ...Shared }} }}
        node(id: "RGlhbW9uZDowMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDE=") {{ id ...Shared }}
    }}
    fragment Shared on Diamond {{ {shared} }}"""
    variables = {"yes": True, "no": False}

    async def both() -> list[dict[str, Any]]:
        asked = context(diamonds, Scope.DIAMONDS_READ, *scopes)
        return [await answer(text, variables, asked, executor) for executor in (PlainFieldExecutor, ReferenceExecutor)]

    ours, library = asyncio.run(both())
    assert ours == library
    assert repr(ours["data"]) == repr(library["data"])  # 1 is not true, nor 1.0, and fields have an order


def every_field(kind: str) -> str:
    """All fields of a type and its subtypes, without the hold: some of its fields depend on the caller."""
    return " ".join(
        name if is_leaf_type(below) else f"{name} {{ __typename {every_field(below.name)} }}"
        for name, below in FIELDS[kind].items()
        if name != "hold"
    )


EVERYTHING = every_field("Diamond")


@pytest.mark.parametrize(
    ("name", "value"), [("rating", 7), *((name, odd) for name, odds in ODD.items() for odd in odds)]
)
async def test_invalid_value_is_reported_as_by_graphql_core(name: str, value: object) -> None:
    odd = Diamond(**{**{name: getattr(GOOD, name) for name in Diamond.__struct_fields__}, name: value})
    asked = context([GOOD, odd], Scope.DIAMONDS_READ, Scope.PRICES_SUPPLIER)
    text = f"{{ diamonds {{ pageInfo {{ endCursor }} edges {{ cursor node {{ {EVERYTHING} hold {{ until }} }} }} }} }}"
    ours, library = [await answer(text, {}, asked, executor) for executor in (PlainFieldExecutor, ReferenceExecutor)]
    assert repr(ours) == repr(library)


Nothing = NewType("Nothing", int)


@strawberry.interface
class Thing:
    name: str


@strawberry.type
class Part(Thing):
    size: int = 1


@strawberry.type
class Box:
    part: Part | None = None
    parts: list[str] | None = None
    nothing: Nothing | None = None

    @strawberry.field
    @staticmethod
    def count(root: strawberry.Parent["Box"]) -> int:
        return len(root.parts or ())


@strawberry.type
class Boxes:
    box: Box


@pytest.mark.parametrize(
    "box",
    [
        Box(part=Part(name="lid"), parts=["a"]),
        Box(part=cast("Part", "no part")),
        Box(part=cast("Part", SimpleNamespace(name="as a part has it", size=1))),
        Box(parts=cast("list[str]", ("a", "b"))),
        Box(parts=cast("list[str]", "ab")),
        Box(parts=cast("list[str]", 5)),
        Box(parts=cast("list[str]", [None])),
        Box(nothing=Nothing(0)),
    ],
)
def test_unknown_types_are_executed_by_graphql_core(box: Box) -> None:
    config = StrawberryConfig(scalar_map={Nothing: strawberry.scalar(name="Nothing", serialize=lambda _: None)})
    core = strawberry.Schema(Boxes, config=config)._schema
    for fields in ("part { name size __typename }", "parts", "nothing", "count"):
        text = parse(f"{{ box {{ {fields} }} }}")
        ours, library = (
            execute(core, text, Boxes(box=box), executor_class=executor, operation_extensions={})
            for executor in (PlainFieldExecutor, ReferenceExecutor)
        )
        assert ours == library


PAGE = """{ diamonds { nodes {
    id databaseId shape carat color clarity cut labGrown rating availability createdAt imageUrl price { cents formatted }
    certificate { lab number } measurements { lengthMm details } fancyColor { color } attributes } } }"""


@pytest.mark.parametrize(
    ("fields", "scopes", "quick"),
    [
        ("id price { formatted } a: carat", [], True),
        ("id supplierPrice { cents }", [Scope.PRICES_SUPPLIER], True),
        ("id supplierPrice { cents }", [], False),  # graphql-core reports what is forbidden, and where
        ("id hold { until }", [], True),
        ("id hold { until ownId }", [], False),  # depends on the caller
    ],
)
async def test_plain_diamond_fields_use_fast_path(fields: str, scopes: list[Scope], quick: bool) -> None:
    CountingExecutor.made = 0
    asked = context([GOOD], Scope.DIAMONDS_READ, *scopes)
    await answer(f"{{ diamonds {{ totalCount nodes {{ {fields} }} }} }}", {}, asked, CountingExecutor)
    assert (CountingExecutor.made > 0) == quick


async def test_page_of_plain_diamonds_uses_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    CountingExecutor.made = CountingExecutor.missed = 0
    monkeypatch.setattr(schema, "execution_context_class", CountingExecutor)
    asked = msgspec.structs.replace(context([GOOD] * 50, Scope.DIAMONDS_READ), document=parse(PAGE))
    found = await schema.execute(PAGE, context_value=asked)
    assert found.data is not None
    assert len(found.data["diamonds"]["nodes"]) == 50
    assert CountingExecutor.made == 1  # the connection with all its fields
    assert CountingExecutor.missed == 0


async def test_middleware_disables_fast_path() -> None:
    seen = []

    def see(resolve: Any, value: Any, info: Any, **arguments: Any) -> Any:
        seen.append(info.field_name)
        return resolve(value, info, **arguments)

    asked = context([GOOD], Scope.DIAMONDS_READ)
    result = execute(
        CORE, parse(PAGE), None, asked, executor_class=PlainFieldExecutor, operation_extensions={}, middleware=[see]
    )
    assert inspect.isawaitable(result)
    await result
    assert {"nodes", "carat", "cents", "lab"} <= set(seen)


async def test_one_invalid_diamond_of_page_is_reported_alone() -> None:
    bad = Diamond(**{**{name: getattr(GOOD, name) for name in Diamond.__struct_fields__}, "rating": 2**40})
    found = await answer("{ diamonds { nodes { id rating } } }", {}, context([GOOD, bad], Scope.DIAMONDS_READ))
    assert [node["rating"] for node in found["data"]["diamonds"]["nodes"]] == [7, None]
    assert [error["path"] for error in found["errors"]] == [["diamonds", "nodes", 1, "rating"]]


CONDITIONAL = """query ($yes: Boolean!, $other: Boolean!) { diamonds { nodes {
    id carat @include(if: $yes) supplierPrice @skip(if: $other) { cents } ...Grades } } }
  fragment Grades on Diamond { color @skip(if: $yes) }"""


async def test_cached_selections_depend_on_conditions_and_scopes() -> None:
    document = DocumentCache(CORE, suggestions=False).read(CONDITIONAL)
    for scopes in ((), (Scope.PRICES_SUPPLIER,), ()):
        for yes, other in ((True, True), (False, True), (True, False), (False, False), (True, True)):
            asked = msgspec.structs.replace(
                context([GOOD], Scope.DIAMONDS_READ, *scopes), document=document.node, selections=document.selections
            )
            variables = {"yes": yes, "other": other}
            ours, library = [
                await execute_document(document.node, variables, asked, executor)
                for executor in (PlainFieldExecutor, ReferenceExecutor)
            ]
            assert repr(ours) == repr(library), (scopes, variables)
    assert document.selections.size > 2 * 4, "each condition and each set of scopes has its own selections"


async def test_selection_is_compiled_once_per_document(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    compile_ = Compiler.compile

    def count(compiler: Compiler, fields: Mapping[str, SelectedField]) -> Make:
        compiled.append(fields)
        return compile_(compiler, fields)

    monkeypatch.setattr(Compiler, "compile", count)
    document = DocumentCache(CORE, suggestions=False).read(PAGE)
    for _ in range(3):
        asked = msgspec.structs.replace(
            context([GOOD] * 2, Scope.DIAMONDS_READ), document=document.node, selections=document.selections
        )
        await execute_document(document.node, {}, asked, PlainFieldExecutor)
    # The fields of the certificate are read from the row. `formatted` needs the object of the price.
    assert len(compiled) == len(("DiamondConnection", "Diamond", "Money", "Measurements", "FancyColor"))


def test_cached_selections_are_bounded() -> None:
    cache = SelectionCache()
    nodes = [parse("{ a }").definitions[0].selection_set.selections[0] for _ in range(200)]  # type: ignore[attr-defined]
    for node in nodes:
        cache.get("key", [node], lambda: None)
    assert cache.size == 64
