"""Fault injection by seed, share, operation and count."""

from collections.abc import Sequence
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.supplier.faults import NO_RULES, Faults, Kind, Rule
from sandbox.supplier.identity import offer_id, stone_id


def strikes(rules: Sequence[Rule], seed: int, calls: int = 400, operation: str = "count") -> list[Kind | None]:
    faults = Faults()
    faults.set(rules, seed)
    endings = [faults.draw_rules([operation]).terminal for _ in range(calls)]
    return [None if rule is None else rule.kind for rule in endings]


def test_no_rule_injects_no_fault() -> None:
    assert Faults().draw_rules(["count"]) == NO_RULES


def test_same_seed_affects_same_calls() -> None:
    rules = [Rule("status", 0.2), Rule("reset", 0.2)]
    assert strikes(rules, 4) == strikes(rules, 4)
    assert strikes(rules, 4) != strikes(rules, 5)


def test_rule_affects_share_of_calls() -> None:
    fired = strikes([Rule("status", 0.25)], 1, calls=4_000)
    assert fired.count("status") == pytest.approx(1_000, abs=6 * 27)
    assert "status" not in strikes([Rule("status", 0)], 1)
    assert None not in strikes([Rule("status", 1)], 1)


def test_first_matching_terminal_fault_wins() -> None:
    assert set(strikes([Rule("reset"), Rule("status")], 1)) == {"reset"}


def test_next_rule_applies_when_first_is_used_up() -> None:
    assert strikes([Rule("reset", count=2), Rule("status", count=1)], 1, calls=5) == [
        "reset",
        "reset",
        "status",
        None,
        None,
    ]


def test_rule_for_operation_does_not_affect_others() -> None:
    rule = Rule("status", operations=("diamonds_by_query",))
    assert set(strikes([rule], 1)) == {None}
    assert set(strikes([rule], 1, operation="diamonds_by_query")) == {"status"}


def test_later_rule_does_not_depend_on_earlier_rule() -> None:
    faults = Faults()
    faults.set([Rule("errors", 0.3, operations=("other",)), Rule("status", 0.3)], 9)
    alone = [faults.draw_rules(["count"]).terminal is not None for _ in range(200)]
    faults.set([Rule("errors", 0.3), Rule("status", 0.3)], 9)
    both = [faults.draw_rules(["count"]).terminal is not None for _ in range(200)]
    assert alone == both


def test_response_faults_are_combined() -> None:
    faults = Faults()
    faults.set([Rule("repeat"), Rule("total_count"), Rule("stall")], 1)
    fired = faults.draw_rules(["diamonds_by_query"])
    assert fired.rule_of("repeat")
    assert fired.rule_of("total_count")
    assert fired.rule_of("bad_data") is None
    assert fired.terminal == Rule("stall")


@given(st.lists(st.integers(100, 200), min_size=1, max_size=50, unique=True), st.lists(st.integers(0, 99), max_size=50))
def test_repeating_page_has_same_length_and_no_gap(page: list[int], before: list[int]) -> None:
    repeated = Faults().repeat(page, before, len(page))
    assert len(repeated) == len(page)
    if before:
        # A window of the same length that starts up to three diamonds too early.
        row, early = [*before, *page], len(before)
        assert repeated in [row[early - shift :][: len(page)] for shift in range(1, min(3, early) + 1)]
    else:
        assert repeated == [page[0], *page][: len(page)]


def test_rule_applies_for_its_duration() -> None:
    now = 100.0
    faults = Faults(lambda: now)
    faults.set([Rule("internal_error", for_seconds=20)], 1)
    assert faults.draw_rules(["authenticate"]).terminal
    now = 119.9
    assert faults.draw_rules(["authenticate"]).terminal
    now = 120.0
    assert faults.draw_rules(["authenticate"]) == NO_RULES


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind not in {"status", "token"}])
def test_only_status_fault_changes_http_status(kind: Kind) -> None:
    assert Rule(kind).http_status == 200
    assert Rule(kind, status=403).http_status == 403


def test_rule_for_diamonds_affects_same_share_each_time() -> None:
    faults = Faults()
    rules = [Rule("null_items", stones_share=0.003), Rule("null_items", ids=(stone_id(7), offer_id(9)))]
    faults.set(rules, 1)
    hit = [ordinal for ordinal in range(100_000) if faults.affects_stone(rules[0], ordinal)]
    assert len(hit) == pytest.approx(300, abs=6 * 17)
    assert hit == [ordinal for ordinal in range(100_000) if faults.affects_stone(rules[0], ordinal)]
    assert [ordinal for ordinal in range(1_000) if faults.affects_stone(rules[1], ordinal)] == [7, 9]
    faults.set(rules, 2)
    assert hit != [ordinal for ordinal in range(100_000) if faults.affects_stone(rules[0], ordinal)]
    faults.clear()
    assert not any(faults.affects_stone(rules[1], ordinal) for ordinal in range(10))


@given(st.integers(0, 60_000), st.floats(0, 1))
def test_wrong_count_differs_by_share_and_at_least_one(count: int, relative: float) -> None:
    wrong = Faults().wrong_count(Rule("count_error", relative=relative), count)
    assert wrong >= 0
    assert wrong == 0 or abs(wrong - count) == max(1, round(count * relative))


def test_count_is_stale_for_duration_of_rule() -> None:
    now = 100.0
    faults = Faults(lambda: now)
    rule = Rule("stale_count", seconds=30)
    faults.set([rule], 1)
    assert faults.stale_count(rule, "a", 5) == 5
    assert faults.stale_count(rule, "b", 9) == 9
    now = 129.9
    assert faults.stale_count(rule, "a", 6) == 5
    now = 130.0
    assert [faults.stale_count(rule, "a", 7), faults.stale_count(rule, "a", 8)] == [7, 7]
    for number in range(2_000):
        faults.stale_count(rule, number, 1)
    assert len(faults._counts) == 1_000


@given(st.lists(st.integers(), max_size=50, unique=True), st.integers())
def test_page_omits_or_duplicates_one_diamond(page: list[int], seed: int) -> None:
    faults = Faults()
    faults.random.seed(seed)
    omitted = faults.omit(page)
    assert len(omitted) == max(0, len(page) - 1)
    assert omitted == [ordinal for ordinal in page if ordinal in omitted]
    doubled = faults.duplicate(page)
    assert len(doubled) == len(page)
    assert doubled == sorted(doubled, key=page.index), "the order is kept"
    assert len(set(doubled)) == (len(page) - 1 if len(page) > 1 else len(page))


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "storm"},
        {"kind": "status", "share": 1.5},
        {"kind": "status", "status": 200},
        {"kind": "stall", "seconds": 10_000},
        {"kind": "reset", "count": -1},
        {"kind": "bad_data", "variants": []},
        {"kind": "status", "shares": 0.5},
        {"kind": "null_items", "stones_share": 2},
        {"kind": "count_error", "relative": -0.1},
        {"kind": "early_end", "stones": -1},
        {"kind": "exclusive_ranges", "ends": "none"},
        {"kind": "big_comments", "bytes": 1 << 30},
        {"kind": "internal_error", "for_seconds": -1},
        {},
    ],
)
def test_invalid_rule_is_rejected(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Rule)
