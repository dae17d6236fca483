"""Origin of a diamond: mapped or quarantined, never a default."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.suppliers.nivoda.mapping import observe
from tests.unit.suppliers.items import MISSING, payload

CERTIFICATE = "diamond.certificate"
LAB_GROWN = [
    True, "true", "Yes", "y", 1, 1.0, "1", "LG", "lg", "LGD", "Lab Grown", "lab-grown", "LAB_GROWN", "Labgrown", " Lab  Grown ",
    "Laboratory-Grown", "Laboratory grown diamond", "Lab created", "man-made", "Synthetic", "CVD", "HPHT",
]  # fmt: skip
NATURAL = [
    False,
    "false",
    "No",
    "n",
    0,
    0.0,
    "0",
    "Natural",
    "NATURAL",
    "natural diamond",
    "Mined",
    "Earth-mined",
    "not lab grown",
]
SILENT = [None, MISSING, "", "  ", "-", "N/A", "n.a.", "null", "None", "Unknown"]
NOT_UNDERSTOOD = [
    "LB",
    "maybe",
    "grown?",
    "Natural or lab grown",
    2,
    -1,
    1.5,
    [],
    {},
    [True],
    "unlabgrown",
    "x" * 500,
    "HPHT processed",
]


def seen(
    labgrown: Any = MISSING, labgrown_type: Any = MISSING, *, queried: bool | None = None, **others: Any
) -> bool | str | None:
    """The origin, or the problem."""
    changes = {f"{CERTIFICATE}.labgrown": labgrown, f"{CERTIFICATE}.comments": None}
    if labgrown_type is not MISSING:
        changes[f"{CERTIFICATE}.labgrown_type"] = labgrown_type
    changes |= {f"{CERTIFICATE}.{name}": value for name, value in others.items()}
    observed = observe(payload(changes), lab_grown=queried)
    assert observed.queried_lab_grown is queried
    return observed.stone.lab_grown if observed.stone else observed.problem


@pytest.mark.parametrize("queried", [None, True])
@pytest.mark.parametrize("stated", LAB_GROWN)
def test_lab_grown_spellings(stated: Any, queried: bool | None) -> None:
    assert seen(stated, queried=queried) is True


@pytest.mark.parametrize("queried", [None, False])
@pytest.mark.parametrize("stated", NATURAL)
def test_natural_spellings(stated: Any, queried: bool | None) -> None:
    assert seen(stated, queried=queried) is False


@pytest.mark.parametrize("queried", [None, True, False])
@pytest.mark.parametrize("stated", NOT_UNDERSTOOD)
def test_unknown_origin_is_quarantined(stated: Any, queried: bool | None) -> None:
    assert seen(stated, queried=queried) == f"{CERTIFICATE}.labgrown: is neither yes nor no"


@pytest.mark.parametrize("stated", SILENT)
def test_query_decides_when_item_has_no_origin(stated: Any) -> None:
    assert seen(stated, queried=True) is True
    assert seen(stated, queried=False) is False
    assert seen(stated) == f"{CERTIFICATE}.labgrown: is missing, and no other field states the origin"


@pytest.mark.parametrize(
    "growth", ["CVD", "HPHT", "hpht", "HTHP", "IIA", "MPCVD", "CVD/HPHT", "CVD grown", "As grown CVD", True]
)
def test_growth_states_lab_grown(growth: Any) -> None:
    assert seen(None, growth) is True
    assert seen(True, growth) is True
    assert seen(None, growth, queried=True) is True
    assert (
        seen(False, growth) == f"{CERTIFICATE}.labgrown: says natural, but {CERTIFICATE}.labgrown_type says lab-grown"
    )
    assert (
        seen(None, growth, queried=False) == f"{CERTIFICATE}.labgrown_type: says lab-grown, but the query says natural"
    )


@pytest.mark.parametrize("silent", SILENT[2:])
def test_growth_without_value_changes_nothing(silent: str) -> None:
    assert seen(False, silent) is False
    assert seen(True, silent) is True
    assert seen(None, silent) == f"{CERTIFICATE}.labgrown: is missing, and no other field states the origin"


def test_growth_may_state_natural() -> None:
    assert seen(None, "Natural") is False
    assert seen(False, "natural") is False
    assert seen(True, "Natural") == (
        f"{CERTIFICATE}.labgrown: says lab-grown, but {CERTIFICATE}.labgrown_type says natural"
    )


@pytest.mark.parametrize("odd", ["Plasma", "HPHT treated", 7, ["CVD"]])
def test_unknown_growth_is_quarantined_unless_item_is_lab_grown(odd: Any) -> None:
    assert seen(True, odd) is True
    for stated, queried in ((False, None), (None, None), (None, True), (False, False)):
        assert seen(stated, odd, queried=queried) == f"{CERTIFICATE}.labgrown_type: is no known type of growth"


@pytest.mark.parametrize("stated", [True, "LG"])
def test_lab_grown_item_in_natural_query_is_quarantined(stated: Any) -> None:
    assert seen(stated, queried=False) == f"{CERTIFICATE}.labgrown: says lab-grown, but the query says natural"


def test_natural_item_in_lab_grown_query_is_quarantined() -> None:
    assert seen(False, queried=True) == f"{CERTIFICATE}.labgrown: says natural, but the query says lab-grown"


HINTS = [
    {"certNumber": "LG540212345"}, {"certNumber": "lg 540212345"}, {"certNumber": "LG-5402"}, {"certNumber": "LGD540212345"},
    {"comments": "This Laboratory Grown Diamond was created by Chemical Vapor Deposition (CVD) growth process."},
    {"comments": "As Grown - No indication of post-growth treatment."}, {"comments": "x " * 400 + "lab-grown"},
    {"comments": "Type IIa. Lab grown."}, {"lab": "IGI LAB GROWN"},
]  # fmt: skip


@pytest.mark.parametrize("hint", HINTS)
def test_lab_grown_report_contradicts_natural(hint: dict[str, Any]) -> None:
    (name,) = hint
    assert seen(True, **hint) is True
    assert seen(None, **hint) is True
    assert seen(False, **hint) == f"{CERTIFICATE}.labgrown: says natural, but {CERTIFICATE}.{name} says lab-grown"
    assert seen(None, queried=False, **hint) == f"{CERTIFICATE}.{name}: says lab-grown, but the query says natural"


@pytest.mark.parametrize(
    "hint",
    [
        {"certNumber": "2141438171"}, {"certNumber": "LGBT"}, {"certNumber": 540212345}, {"certNumber": "ALG123"},
        {"comments": "Not lab grown."}, {"comments": "Natural, non lab-grown."}, {"comments": "Indented natural. HPHT processed."},
        {"comments": "Additional laboratory inscription."}, {"comments": ["lab grown"]}, {"lab": "GIA"},
    ],
)  # fmt: skip
def test_natural_report_is_no_evidence(hint: dict[str, Any]) -> None:
    assert seen(False, **hint) is False


def test_report_type_contradicts_natural() -> None:
    observed = observe(payload({"diamond.CertificateType": "Laboratory-Grown Diamond Report"}))
    assert observed.problem == f"{CERTIFICATE}.labgrown: says natural, but diamond.CertificateType says lab-grown"


def test_hash_depends_on_queried_origin() -> None:
    seen_as = [observe(payload(), lab_grown=origin) for origin in (None, True, False)]
    assert len({one.payload_hash for one in seen_as}) == 3
    assert len({observe(b"{", lab_grown=origin).payload_hash for origin in (None, True, False)}) == 3
    assert len({observe(b"{", lab_grown=origin).supplier_stone_id for origin in (None, True, False)}) == 1


@given(
    words=st.lists(
        st.sampled_from(["lab", "grown", "LG", "natural", "not", "CVD", "HPHT", "yes", "no", "true", "mined", "N/A", "x", "1", "0"]),
        max_size=4,
    ),
    joint=st.sampled_from([" ", "-", "_", "", "/"]),
    queried=st.sampled_from([None, True, False]),
)  # fmt: skip
def test_any_spelling_is_mapped_or_quarantined(words: list[str], joint: str, queried: bool | None) -> None:
    stated = joint.join(words)
    found = seen(stated, queried=queried)
    if isinstance(found, bool):
        assert queried in {None, found}
        lab = {"lab", "LG", "CVD", "HPHT", "yes", "true", "1"} & {*words}
        natural = {"natural", "not", "no", "mined", "0"} & {*words}
        # A text of one origin contains no word of the other. "not lab grown" is natural.
        assert not (natural if found else lab - {"lab"})
    else:
        assert found is not None
