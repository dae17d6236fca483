"""Facets in the schema: ordered by scale, complete."""

from app.graphql.diamonds.facets import facets_to_graphql
from app.graphql.diamonds.grades import ColorGrade
from app.graphql.money import money
from inventory.catalog.facets import MEASURED, SHARES, Bucket, Facets, Histogram, histogram


def test_grades_are_ordered_by_scale_then_unlisted_then_null() -> None:
    counts: dict[str | None, int] = {None: 1, "Top Wesselton": 2, "F": 3, "D": 4, "River": 5}
    shown = facets_to_graphql(Facets({"color": counts}, {}))
    assert [(one.value, one.count) for one in shown.colors] == [
        (ColorGrade.D, 4),
        (ColorGrade.F, 3),
        (ColorGrade.OTHER, 7),
        (None, 1),
    ]


def test_labs_are_ordered_by_count_and_limited_to_hundred() -> None:
    labs: dict[str | None, int] = {f"LAB{number}": number for number in range(150)}
    shown = facets_to_graphql(Facets({"certificate_lab": labs}, {}))
    assert [one.count for one in shown.certificate_labs] == list(range(149, 49, -1))


def test_histogram_has_no_gap_between_first_and_last_bucket() -> None:
    made = histogram(MEASURED["carat_milli"], {0: 3, 2: 5}, [])
    assert made.buckets == [Bucket(None, 199, 3), Bucket(200, 299, 0), Bucket(300, 399, 5)]
    last = len(MEASURED["carat_milli"])
    assert histogram(MEASURED["carat_milli"], {last: 1}, []).buckets == [Bucket(10_000, None, 1)]


def test_histogram_edges_are_ascending() -> None:
    for edges in MEASURED.values():
        assert list(edges) == sorted(set(edges))


def test_quantiles_are_named_by_share() -> None:
    shown = facets_to_graphql(Facets({}, {"retail_price_cents": Histogram([Bucket(1, 2, 7)], [1, 2, 3, 4, 5, 6, 7])}))
    quantiles = shown.price.quantiles
    assert quantiles is not None
    assert len(SHARES) == 7
    assert (quantiles.min, quantiles.median, quantiles.max) == (money(1), money(4), money(7))


def test_empty_result_has_no_buckets_and_no_quantiles() -> None:
    shown = facets_to_graphql(Facets({}, {"carat_milli": histogram(MEASURED["carat_milli"], {}, [])}))
    assert (shown.carat.buckets, shown.carat.quantiles) == ([], None)
