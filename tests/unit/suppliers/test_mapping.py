"""Mapping of item bytes to a diamond: values, problems, stored payload."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.catalog.stone import Stone
from inventory.suppliers.nivoda import mapping
from inventory.suppliers.nivoda.mapping import observe
from tests.unit.suppliers.items import MISSING, STONE_ID, payload

CERTIFICATE = "diamond.certificate"


def good(changes: dict[str, Any] | None = None) -> Stone:
    observed = observe(payload(changes))
    assert observed.problem is None
    assert observed.stone is not None
    return observed.stone


def problem(changes: dict[str, Any]) -> str | None:
    observed = observe(payload(changes))
    assert (observed.stone is None) == (observed.problem is not None) == (observed.canonical_hash is None)
    return observed.problem


def test_valid_item_is_mapped_to_diamond() -> None:
    assert msgspec.structs.asdict(good()) == {
        "supplier_stone_id": STONE_ID,
        "offer_id": f"DIAMOND/{STONE_ID}",
        "shape": "ROUND",
        "raw_shape": "ROUND",
        "carat_milli": 1_010,
        "color": "G",
        "color_rank": 4,
        "clarity": "VS1",
        "clarity_rank": 5,
        "cut": "EXCELLENT",
        "cut_rank": 2,
        "polish": "VERY_GOOD",
        "polish_rank": 4,
        "symmetry": "GOOD",
        "symmetry_rank": 5,
        "fluorescence": "FAINT",
        "fluorescence_rank": 2,
        "fluorescence_color": "BLUE",
        "fancy_color": None,
        "fancy_intensity": None,
        "fancy_overtone": None,
        "lab_grown": False,
        "treated": False,
        "supplier_price_cents": 123_456,
        "price_per_carat_cents": 122_234,
        "availability": "available",
        "raw_availability": "AVAILABLE",
        "hold_id": None,
        "image_url": "https://media.example/still.jpg",
        "video_url": "https://media.example/film.mp4",
        "certificate_lab": "GIA",
        "certificate_number": "2215432101",
        "certificate_pdf_url": "https://media.example/2215432101.pdf",
        "certificate_hidden": False,
        "measurements_hidden": False,
        "length_milli": 6_430,
        "width_milli": 6_450,
        "height_milli": 3_980,
        "ratio_milli": 1_003,
        "table_milli": 57_000,
        "depth_milli": 61_800,
        "eye_clean": True,
        "brown_tinge": False,
        "green_tinge": None,
        "milky": True,
        "supplier_name": "Étoile du Nord",
        "supplier_legal_name": "Étoile du Nord SPRL",
        "growth_method": None,
        "spin_url": "https://media.example/360",
        "stock_number": None,
        "supplier_stock_number": "AU0012345",
        "delivery_min_days": 2,
        "delivery_max_days": 6,
        "return_days": None,
        "measurements": b'{"length":6.43,"width":6.45,"depth":3.98,"depthPercentage":61.8,"table":57.0,'
        b'"crownAngle":34.5}',
        "attributes": b'{"eyeClean":true,"brown":false,"milky":"Light","comments":"Pinpoints are not shown.",'
        b'"supplierStockId":"AU0012345","deliveryTime":{"express":true,"minDays":2,"maxDays":6},'
        b'"spinUrl":"https://media.example/360","images":["https://media.example/first.jpg"]}',
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"price": None}, "price: is missing"),
        ({"price": MISSING}, "price: is missing"),
        ({"price": "on request"}, "price: is not a number"),
        ({"price": True}, "price: is not a number"),
        ({"price": [1]}, "price: is not a number"),
        ({"price": ""}, "price: is not a number"),
        ({"price": "1,234"}, "price: is not a number"),
        ({"price": 0}, "price: is not positive"),
        ({"price": -1}, "price: is not positive"),
        ({"price": 10.5}, "price: is not a whole number of cents"),
        ({"price": 2**63}, "price: is more than 214748364700"),
        ({"price": 10**400}, "price: is more than 214748364700"),
        ({"price": 214_748_364_701}, "price: is more than 214748364700"),
        ({"diamond": None}, "diamond.id: is missing"),
        ({"diamond": "x"}, "diamond.id: is missing"),
        ({"diamond.id": None}, "diamond.id: is missing"),
        ({"diamond.id": "  "}, "diamond.id: is missing"),
        ({"diamond.id": "x" * 201}, "diamond.id: is longer than 200 characters"),
        ({CERTIFICATE: None}, "diamond.certificate: is missing"),
        ({CERTIFICATE: []}, "diamond.certificate: is missing"),
        ({f"{CERTIFICATE}.carats": MISSING}, "diamond.certificate.carats: is missing"),
        ({f"{CERTIFICATE}.carats": 0}, "diamond.certificate.carats: is not positive"),
        ({f"{CERTIFICATE}.carats": -0.5}, "diamond.certificate.carats: is not positive"),
        ({f"{CERTIFICATE}.carats": "N/A"}, "diamond.certificate.carats: is not a number"),
        ({f"{CERTIFICATE}.carats": "٣"}, "diamond.certificate.carats: is not a number"),
        ({f"{CERTIFICATE}.carats": 0.0004}, "diamond.certificate.carats: is less than half a thousandth"),
        ({f"{CERTIFICATE}.carats": "1e999"}, "diamond.certificate.carats: is more than 10000"),
        ({f"{CERTIFICATE}.length": 1e12}, "diamond.certificate.length: is more than 2000000"),
        ({f"{CERTIFICATE}.certNumber": "9" * 201}, "diamond.certificate.certNumber: is longer than 200 characters"),
    ],
)
def test_invalid_value_is_problem_of_its_field(changes: dict[str, Any], expected: str) -> None:
    assert problem(changes) == expected


@pytest.mark.parametrize("shown", [123_456, "123456", " 123456 ", 123456.0, "123456.00", "1.23456e5"])
def test_price_formats_are_parsed(shown: Any) -> None:
    assert good({"price": shown}).supplier_price_cents == 123_456


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("1.005", 1_005),
        (0.7000000001, 700),
        ("0.7005", 701),
        ("0.70049999999999999999", 700),
        (3, 3_000),
        ("1.", 1_000),
    ],
)
def test_carats_are_thousandths_rounded_half_up(shown: Any, expected: int) -> None:
    assert good({f"{CERTIFICATE}.carats": shown}).carat_milli == expected


def test_json_number_is_not_rounded_as_float() -> None:
    # As a float this is 1.0005, which would be rounded up.
    text = payload().replace(b'"carats": 1.01', b'"carats": 1.00049999999999999999999')
    observed = observe(text)
    assert observed.stone is not None
    assert observed.stone.carat_milli == 1_000


def test_unknown_shape_is_other_and_keeps_text() -> None:
    stone = good({f"{CERTIFICATE}.shape": "Lotus"})
    assert (stone.shape, stone.raw_shape) == ("OTHER", "Lotus")


def test_full_shape_is_used_when_shape_is_missing_or_unknown() -> None:
    stone = good({f"{CERTIFICATE}.shape": "Unheard of", f"{CERTIFICATE}.fullShape": "Oval Brilliant"})
    assert (stone.shape, stone.raw_shape) == ("OVAL", "Unheard of")
    stone = good({f"{CERTIFICATE}.shape": None, f"{CERTIFICATE}.fullShape": "Pear Brilliant"})
    assert (stone.shape, stone.raw_shape) == ("PEAR", "Pear Brilliant")


def test_lengths_of_zero_are_unknown() -> None:
    stone = good({f"{CERTIFICATE}.length": 0, f"{CERTIFICATE}.width": "0"})
    assert (stone.length_milli, stone.width_milli, stone.ratio_milli) == (None, None, None)


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "media.example/x.jpg", "", 5])
def test_only_web_addresses_are_accepted_as_media(address: Any) -> None:
    stone = good({"diamond.image": address, f"{CERTIFICATE}.product_images": [{"url": address}, None, address]})
    assert stone.image_url is None
    assert "images" not in json.loads(stone.attributes)


def test_certificate_media_replace_missing_diamond_media() -> None:
    stone = good({"diamond.image": None, "diamond.video": ""})
    assert stone.image_url == "https://media.example/first.jpg"
    assert stone.video_url == "https://media.example/360"


def test_attributes_contain_no_supplier_price() -> None:
    prices = {"diamond_price": 777_001, "markup_price": 777_002, "discount": -77.03}
    stone = good({**prices, "diamond.final_price": 777_004})
    assert not any(text in stone.attributes + stone.measurements for text in (b"7770", b"77.03", b"123456"))


@pytest.mark.parametrize("path", ["diamond.supplierStockId", f"{CERTIFICATE}.comments", "diamond.supplier.name", "id"])
@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (rb"a\u0000b", "a NUL character"),
        (rb"a\ud83db", "half a surrogate pair"),
        (b"a\xffb", "bytes that are not UTF-8"),
    ],
)
def test_unstorable_text_is_problem_of_its_field(path: str, odd: bytes, what: str) -> None:
    observed = observe(payload({path: "HERE"}).replace(b"HERE", odd))
    assert observed.problem == f"{path}: holds {what}"
    assert observed.supplier_stone_id == STONE_ID
    assert observed.price_cents == 123_456


@pytest.mark.parametrize("odd", [rb"a\u0000b", rb"a\ud83db", b"a\xffb", b"a\x01b", b"a\nb"])
def test_text_that_is_not_stored_is_no_problem(odd: bytes) -> None:
    observed = observe(payload({"diamond.new_field": "HERE"}).replace(b"HERE", odd))
    assert observed.problem is None
    assert observed.stone == good()


def test_huge_number_in_text_field_is_no_problem() -> None:
    observed = observe(payload({"diamond.return_window": "HERE"}).replace(b'"HERE"', b"9" * 5_000))
    assert observed.problem is None
    assert observed.stone == good()


def test_diamond_with_unstorable_id_is_unidentified() -> None:
    observed = observe(payload({"diamond.id": "HERE"}).replace(b"HERE", rb"\u0000"))
    assert observed.problem == "diamond.id: holds a NUL character"
    assert observed.supplier_stone_id.startswith("unidentified:")


@pytest.mark.parametrize(
    "changes", [{"diamond": None}, {"diamond": MISSING}, {"diamond.id": None}, {"diamond.id": " "}]
)
def test_diamond_without_id_is_identified_by_offer(changes: dict[str, Any]) -> None:
    observed = observe(payload(changes))
    assert observed.problem == "diamond.id: is missing"
    assert observed.supplier_stone_id == STONE_ID


@pytest.mark.parametrize("offer", [None, "", 7, "DIAMOND/", STONE_ID, f"GEMSTONE/{STONE_ID}", "DIAMOND/" + "9" * 201])
def test_offer_without_diamond_identifies_none(offer: Any) -> None:
    assert observe(payload({"diamond": None, "id": offer})).supplier_stone_id.startswith("unidentified:")


@pytest.mark.parametrize("junk", [b"null", b"[]", b"7", b'"x"', b"true", b"1.5"])
def test_non_object_is_unidentified_and_kept(junk: bytes) -> None:
    observed = observe(junk)
    assert observed.problem == "payload: is not an object"
    assert observed.supplier_stone_id.startswith("unidentified:")
    assert observed.payload == junk


@pytest.mark.parametrize("junk", [b"", b"{", b'{"id": }', b"\xff\xfe", b"{]"])
def test_invalid_json_is_wrapped_and_restored_unchanged(junk: bytes) -> None:
    observed = observe(junk)
    assert observed.problem == "payload: is not JSON"
    assert json.loads(observed.payload)
    assert observe(observed.payload) == observed


def test_different_invalid_items_have_different_ids() -> None:
    assert observe(b"[1]").supplier_stone_id != observe(b"[2]").supplier_stone_id


def test_payload_is_kept_unchanged_with_unknown_fields() -> None:
    text = b" " + payload({"diamond.carbon": {"x": [1, 2.50]}})
    assert observe(text).payload == text


def test_payload_hash_changes_with_payload_and_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    first = observe(payload())
    other = observe(payload({"diamond.new_field": 1}))
    assert len(first.payload_hash) == 16
    assert other.payload_hash != first.payload_hash
    assert other.canonical_hash == first.canonical_hash
    monkeypatch.setattr(mapping, "_keyed", mapping.keyed_hashes(mapping.MAPPING_VERSION + 1))
    again = observe(payload())
    assert again.payload_hash != first.payload_hash
    assert again.canonical_hash == first.canonical_hash


def test_canonical_hash_changes_with_any_value() -> None:
    hashes = {
        observe(payload(changes)).canonical_hash
        for changes in ({}, {"price": 1}, {f"{CERTIFICATE}.comments": "x"}, {f"{CERTIFICATE}.color": "H"})
    }
    assert len(hashes) == 4


def test_ids_that_differ_by_space_are_distinct() -> None:
    assert good({"diamond.id": " lead", "id": "DIAMOND/ lead"}).supplier_stone_id == " lead"
    assert good({"diamond.id": "lead"}).supplier_stone_id == "lead"
    assert observe(payload({"diamond": None, "id": "DIAMOND/ lead"})).supplier_stone_id == " lead"


@given(identity=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=200))
def test_ids_are_stored_unchanged(identity: str) -> None:
    observed = observe(payload({"diamond.id": identity, "id": identity, "diamond.HoldId": identity}))
    if observed.stone is None:
        assert identity.strip() in {"", "null", "Null", "NULL", "undefined", "nan", "NaN", "NAN"}
    else:
        assert observed.stone.supplier_stone_id == observed.stone.offer_id == observed.stone.hold_id == identity


def test_whole_numbers_have_no_fraction_in_texts() -> None:
    names = {
        "diamond.supplierStockId": "supplierStockId", "diamond.NivodaStockId": "nivodaStockId",
        "diamond.mine_of_origin": "mineOfOrigin", "diamond.CertificateType": "certificateType",
        f"{CERTIFICATE}.comments": "comments", f"{CERTIFICATE}.keyToSymbols": "keyToSymbols",
        f"{CERTIFICATE}.cut_style": "cutStyle", f"{CERTIFICATE}.country_of_origin": "countryOfOrigin",
    }  # fmt: skip
    numbers = {f"{CERTIFICATE}.certNumber": 2141438171.0, "diamond.supplier": {"name": 5.0, "legal_name": 6.0}}
    stone = good(dict.fromkeys(names, 4711.0) | numbers)
    assert stone.certificate_number == "2141438171"
    assert (stone.supplier_name, stone.supplier_legal_name) == ("5", "6")
    attributes = json.loads(stone.attributes)
    assert {attributes[name] for name in names.values()} == {"4711"}
    assert good({"diamond.id": 17.0}).supplier_stone_id == "17"


@pytest.mark.parametrize("silent", ["null", " NULL ", "", "NaN"])
def test_text_null_is_no_text(silent: str) -> None:
    fields = (
        "certNumber",
        "lab",
        "color",
        "clarity",
        "floInt",
        "floCol",
        "girdle",
        "comments",
        "length",
        "f_color",
        "shape",
    )
    stone = good({f"{CERTIFICATE}.{name}": silent for name in fields} | {"diamond.eyeClean": silent})
    assert (stone.certificate_number, stone.certificate_lab, stone.color, stone.clarity, stone.fluorescence) == (
        None,
    ) * 5
    assert (stone.fluorescence_color, stone.length_milli, stone.fancy_color, stone.raw_shape) == (None,) * 4
    assert stone.eye_clean is None
    assert "comments" not in json.loads(stone.attributes)


@pytest.mark.parametrize(
    ("shape", "length", "width", "expected"),
    [
        ("OVAL", "5.0", "7.0", 1_400), ("OVAL", 7.0, 5.0, 1_400), ("ROUND", "6.43", "6.45", 1_003), ("Lotus", 1, 2, 2_000),
        ("HEART", 5.0, 6.0, 833), ("Triangular Brilliant", 5.0, 6.0, 833), ("TRILLIANT", 6.0, 5.0, 1_200),
    ],
)  # fmt: skip
def test_ratio_is_longer_by_shorter_except_for_hearts_and_triangles(
    shape: str, length: Any, width: Any, expected: int
) -> None:
    changes = {f"{CERTIFICATE}.shape": shape, f"{CERTIFICATE}.length": length, f"{CERTIFICATE}.width": width}
    assert good(changes).ratio_milli == expected


@given(
    shape=st.sampled_from(["ROUND", "OVAL", "PEAR", "Radiant", "HALFMOON", "HEART", "TRILLIANT"]),
    length=st.integers(1, 40_000),
    width=st.integers(1, 40_000),
)
def test_ratio_is_at_least_one_except_for_hearts_and_triangles(shape: str, length: int, width: int) -> None:
    changes = {f"{CERTIFICATE}.length": f"{length / 1000:.3f}", f"{CERTIFICATE}.width": f"{width / 1000:.3f}"}
    ratio = good({f"{CERTIFICATE}.shape": shape} | changes).ratio_milli
    if shape in {"HEART", "TRILLIANT"}:
        long, short = length, width
    else:
        long, short = max(length, width), min(length, width)
        assert ratio is None or ratio >= 1_000
    assert ratio is None or abs(ratio - 1000 * long / short) <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("changes", "grade", "rank", "hues", "intensity", "reported"),
    [
        ({"color": "G"}, "G", 4, None, None, None),
        ({"color": "K, Faint Brown"}, "K", 8, None, None, "K, Faint Brown"),
        ({"color": "Y-Z, Light Yellow"}, "Y-Z", 23, None, None, "Y-Z, Light Yellow"),
        ({"color": "FANCY", "f_color": "Yellow", "f_intensity": "Fancy Intense"}, "FANCY", None, "YELLOW", "FANCY_INTENSE", None),
        ({"color": "Fancy Light Yellow"}, "Fancy Light Yellow", None, "YELLOW", "FANCY_LIGHT", None),
        ({"color": None, "f_color": "Fancy Vivid Pink"}, None, None, "PINK", "FANCY_VIVID", None),
        ({"color": "K", "f_color": "Brown"}, "K", 8, "BROWN", None, None),
        ({"color": "U-V", "f_color": "Yellow", "f_intensity": "Light"}, "U-V", 19, "YELLOW", "LIGHT", None),
        ({"color": "G", "f_color": "Pink", "f_intensity": "Fancy Vivid"}, None, None, "PINK", "FANCY_VIVID", "G"),
        ({"color": "G", "f_color": "", "f_intensity": "N/A"}, "G", 4, None, None, None),
    ],
)  # fmt: skip
def test_color_and_fancy_color(
    changes: dict[str, Any],
    grade: str | None,
    rank: int | None,
    hues: str | None,
    intensity: str | None,
    reported: str | None,
) -> None:
    stone = good({f"{CERTIFICATE}.{name}": value for name, value in changes.items()})
    assert (stone.color, stone.color_rank, stone.fancy_color, stone.fancy_intensity) == (grade, rank, hues, intensity)
    assert json.loads(stone.attributes).get("reportedColor") == reported


def test_unknown_yes_no_values_are_kept_as_texts() -> None:
    stone = good({
        "diamond.eyeClean": "90%", "diamond.bowtie": "Slight", "diamond.show_certificate_number": "ask",
        f"{CERTIFICATE}.verified": "2024-05-01", f"{CERTIFICATE}.treated": "Laser drilled",
    })  # fmt: skip
    assert stone.eye_clean is None
    assert stone.treated is True
    shown = json.loads(stone.attributes)
    assert (shown["eyeClean"], shown["bowtie"], shown["certificateVerified"]) == ("90%", "Slight", "2024-05-01")
    assert (shown["treatment"], shown["showCertificateNumber"]) == ("Laser drilled", "ask")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("price", b"123456", b"01234"), ("price", b"123456", b"+5"), ("price", b"123456", b"1.2.3"),
        (f"{CERTIFICATE}.carats", b"1.01", b".5"), (f"{CERTIFICATE}.carats", b"1.01", b"1."), (f"{CERTIFICATE}.labgrown", b"false", b"False"),
        (f"{CERTIFICATE}.comments", b'"Pinpoints are not shown."', b'"6" wide"'),
        (f"{CERTIFICATE}.comments", b'"Pinpoints are not shown."', b"undefined"),
        (f"{CERTIFICATE}.comments", b'"Pinpoints are not shown."', rb'"\x"'),
    ],
)  # fmt: skip
def test_item_with_malformed_value_is_identified(path: str, old: bytes, new: bytes) -> None:
    text = payload()
    assert text.count(b": " + old) == 1 or path == f"{CERTIFICATE}.labgrown"
    place = text.index(b'"' + path.rpartition(".")[2].encode() + b'": ')
    observed = observe(text[:place] + text[place:].replace(old, new, 1))
    assert observed.supplier_stone_id == STONE_ID
    assert observed.problem is not None
    assert observed.problem.startswith(path)
    assert observe(observed.payload) == observed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"id": "DIAMOND/5", "price": 01}', "5"),
        (b'{"price": 01, "diamond": {"id": "6"}}', "6"),
        (b'{"id": "DIAMOND/5", "price": 01, "diamond": {"id": 7}}', "7"),
        (b'{"id": "DIAMOND/5", "price": 01, "diamond": {"id": 007}}', "5"),
        (b'{"diamond": {"supplier": {"id": "8"}, "certificate": {"id": "9"}}, "price": 01}', None),
        (b'{"diamond": [{"id": "6"}], "price": 01}', None),
        (b'{"diamond": {"id": "6"}, "diamond": {"id": "7"}, "price": 01}', None),
        (b'{"comments": "6" wide", "diamond": {"id": "6"}}', None),
        (b'{"diamond": {"id": "6\xff"}, "price": 01}', None),
        (rb'{"diamond": {"id": "6\u0000"}, "price": 01}', None),
        (b'{"diamond": {"id": "' + b"6" * 201 + b'"}, "price": 01}', None),
    ],
)  # fmt: skip
def test_only_unambiguous_id_identifies_malformed_item(text: bytes, expected: str | None) -> None:
    found = observe(text).supplier_stone_id
    assert found == expected if expected else found.startswith("unidentified:")


@given(text=st.text('"\\{}[]:,0123 idamondDIAMOND/', max_size=80))
def test_no_damaged_item_raises_error(text: str) -> None:
    observed = observe(text.encode())
    assert observed.problem
    assert observe(observed.payload) == observed


def test_too_deep_item_is_identified() -> None:
    observed = observe(payload({"diamond.unknown": "HERE"}).replace(b'"HERE"', b"[" * 3_000 + b"]" * 3_000))
    assert (observed.supplier_stone_id, observed.problem) == (STONE_ID, "payload: is nested too deep")


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        (MISSING, False), (None, False), (True, False), ("true", False), (1, False), (1.0, False), ("", False),
        (False, True), ("false", True), ("No", True), (0, True), (0.0, True), ("on request", True), (2, True), ({}, True),
    ],
)  # fmt: skip
def test_flags_hide_certificate_or_measurements(shown: Any, hidden: bool) -> None:
    flags = {"show_certificate_number": "certificate_hidden", "show_measurements": "measurements_hidden"}
    for flag, column in flags.items():
        stone = good({} if shown is MISSING else {f"diamond.{flag}": shown})
        assert {name: getattr(stone, name) for name in flags.values()} == {
            name: hidden and name == column for name in flags.values()
        }
        assert stone.certificate_number == "2215432101"
