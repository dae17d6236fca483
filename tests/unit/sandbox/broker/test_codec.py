from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.broker.codec import MalformedData, decode, encode, end_of
from sandbox.broker.values import (
    Array,
    Byte,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    Verbatim,
)


def integers(kind: type[int], bits: int, *, signed: bool) -> st.SearchStrategy[Any]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.integers(low, high).map(kind)


symbols = st.text(st.characters(codec="ascii"), max_size=300).map(Symbol)
simple = st.one_of(
    st.none(),
    st.booleans(),
    integers(UByte, 8, signed=False),
    integers(UShort, 16, signed=False),
    integers(UInt, 32, signed=False),
    integers(ULong, 64, signed=False),
    integers(Byte, 8, signed=True),
    integers(Short, 16, signed=True),
    integers(Int, 32, signed=True),
    integers(int, 64, signed=True),
    integers(Timestamp, 64, signed=True),
    st.floats(width=32, allow_nan=False).map(Float),
    st.floats(allow_nan=False),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    symbols,
)
arrays = st.one_of(
    st.lists(st.uuids(), max_size=40),
    st.lists(integers(Timestamp, 64, signed=True), max_size=40),
    st.lists(integers(int, 64, signed=True), max_size=40),
    st.lists(symbols, max_size=5),
    st.lists(st.text(), max_size=5),
).map(Array)
keys = st.one_of(st.text(max_size=20), symbols)


def compounds(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(keys, inner, max_size=10),
        st.builds(Described, integers(ULong, 64, signed=False), inner),
    )


values = st.recursive(st.one_of(simple, arrays), compounds, max_leaves=30)


def shape(value: Any) -> Any:
    """The value with explicit types: `UInt(1) == 1`, but not here."""
    if isinstance(value, Described):
        return ("described", shape(value.descriptor), shape(value.value))
    if isinstance(value, dict):
        return ("map", [(shape(key), shape(item)) for key, item in value.items()])
    if isinstance(value, list):
        return (type(value), [shape(item) for item in value])
    return (type(value), value)


@given(values)
def test_encoded_value_is_decoded_with_same_types(value: Any) -> None:
    data = encode(value)
    decoded, end = decode(data)
    assert end == end_of(data, 0) == len(data)
    assert shape(decoded) == shape(value)


@given(st.lists(simple, min_size=256, max_size=400))
def test_long_lists_use_wide_encoding(items: list[Any]) -> None:
    data = encode(items)
    assert data[0] == 0xD0
    assert shape(decode(data)[0]) == shape(items)


@pytest.mark.parametrize("length", [254, 255, 256, 257, 65_536])
def test_every_length_can_be_encoded(length: int) -> None:
    for value in (b"x" * length, "x" * length, Symbol("x" * length), [None] * length, Array([1] * (length // 8))):
        assert shape(decode(encode(value))[0]) == shape(value)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_value_or_malformed(data: bytes) -> None:
    try:
        _, end = decode(data)
    except MalformedData:
        return
    assert 0 < end <= len(data)


@given(values, st.data())
def test_truncated_value_is_malformed(value: Any, data: st.DataObject) -> None:
    encoded = encode(value)
    with pytest.raises(MalformedData):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


# Examples from the specification: the encoder and the decoder may not merely agree with each other.
@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("40", None),
        ("41", True),
        ("5601", True),
        ("43", UInt(0)),
        ("52ff", UInt(255)),
        ("7000000100", UInt(256)),
        ("5380", ULong(128)),
        ("8000000000000000ff", ULong(255)),
        ("54ff", Int(-1)),
        ("55ff", -1),
        ("83000000000000000a", Timestamp(10)),
        ("a0024142", b"AB"),
        ("a103e282ac", "€"),
        ("b1000000026162", "ab"),
        ("a3026162", Symbol("ab")),
        ("9800112233445566778899aabbccddeeff", UUID("00112233-4455-6677-8899-aabbccddeeff")),
        ("45", []),
        ("c003024041", [None, True]),
        ("c10502a3016141", {Symbol("a"): True}),
        ("005324c00100", Described(ULong(0x24), [])),
        ("f0000000150000000281" + "00" * 7 + "01" + "00" * 7 + "02", Array([1, 2])),
        ("7400000000", Verbatim(bytes.fromhex("7400000000"))),
    ],
)
def test_encodings_of_specification_are_decoded(data: str, value: Any) -> None:
    assert shape(decode(bytes.fromhex(data))[0]) == shape(value)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("", "missing"),
        ("ff", "truncated"),
        ("10", "no type"),
        ("d00000000800ffffff00000000", "more items"),
        ("c10302a10161", "missing"),
        ("c00301a1026161", "beyond its list"),
        ("e0030198ff", "beyond its array"),
        ("c103015201", "without a value"),
        ("00" * 40 + "40", "too deep"),
        ("c00180", "more items"),
        ("a101ff", "encoding"),
        ("e0020100", "described"),
    ],
)
def test_errors_describe_problem(data: str, problem: str) -> None:
    with pytest.raises(MalformedData, match=problem):
        decode(bytes.fromhex(data))


def test_unsupported_type_is_rejected() -> None:
    with pytest.raises(TypeError, match="complex"):
        encode(1j)
    with pytest.raises(TypeError, match="one type"):
        encode(Array([1, "a"]))
