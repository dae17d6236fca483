"""Validation of JSON objects: messages name the accepted values and no Python type."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from app.http.accepted_values import accepted, read_members
from app.rest.routes import OPERATIONS

PYTHON = re.compile(r"`|\b(str|int|float|bool|None|dict|array|object of type|Expected|got)\b")
BODIES = {operation.name: operation.body for operation in OPERATIONS if operation.body}


class Everything(msgspec.Struct):
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    count: Annotated[int, msgspec.Meta(ge=1, le=100)]
    flag: bool
    key: UUID
    at: datetime
    state: Literal["a", "b"]
    inner: dict[str, Any]
    share: Annotated[float, msgspec.Meta(ge=0)] | None = None


def test_each_wrong_member_names_what_it_accepts() -> None:
    wrong = {
        "word": 1, "count": "2", "flag": "yes", "key": 3, "at": "now", "state": "c", "inner": [], "share": -1,
    }  # fmt: skip
    _, problems = read_members(wrong, Everything)
    assert problems == {
        "word": "should be a text of 1 to 200 characters",
        "count": "should be a whole number from 1 to 100",
        "flag": "should be true or false",
        "key": "should be a UUID",
        "at": "should be an instant such as 2026-01-31T12:00:00Z",
        "state": "should be one of a, b",
        "inner": "should be an object",
        "share": "should be a number of at least 0 or null",
    }


def test_missing_member_is_named_and_whole_float_is_integer() -> None:
    values, problems = read_members({"count": 5.0}, Everything)
    assert values == {"count": 5}
    assert problems["word"] == "is required"


@pytest.mark.parametrize("name", BODIES)
def test_messages_of_every_rest_body_are_free_of_python_terms(name: str) -> None:
    for field in msgspec.structs.fields(BODIES[name]):
        assert not PYTHON.search(accepted(field.type)), accepted(field.type)
        values: list[Any] = [1, "", "\x00", 1.5, [], {}, None, True, 10**30]
        for value in values:
            _, problems = read_members({field.encode_name: value}, BODIES[name])
            message = problems.get(field.encode_name, "")
            assert not PYTHON.search(message), message
