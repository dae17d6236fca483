"""Validation of client texts: visible, short enough, storable."""

import pytest

from inventory.core.errors import ValidationFailed
from inventory.core.texts import Text, check, is_blank

BLANK = [
    "",
    " ",
    "\t\n",
    "\xa0",
    "\u2007\u202f",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2060\xad",
    "\x00",
    "\x1b",
    " \xa0\u200b ",
]


@pytest.mark.parametrize("text", BLANK)
def test_text_without_visible_character_is_blank(text: str) -> None:
    assert is_blank(text)
    with pytest.raises(ValidationFailed) as caught:
        check({"name": Text(text, 200)})
    assert set(caught.value.details) == {"name"}


@pytest.mark.parametrize("text", ["x", "\xa0x\xa0", "\u200b.", "é", "1", "钻"])
def test_text_with_visible_character_is_not_blank(text: str) -> None:
    assert not is_blank(text)
    check({"name": Text(text, 200)})


def test_each_invalid_field_is_named() -> None:
    with pytest.raises(ValidationFailed) as caught:
        check(
            {
                "fine": Text("x" * 5, 5),
                "optional": Text(None, 5, optional=True),
                "empty": Text("", 5, optional=True),
                "missing": Text(None, 5),
                "long": Text("x" * 6, 5),
                "blank": Text("\xa0", 5, optional=True),
                "nul": Text("a\x00", 5),
            }
        )
    assert caught.value.details == {
        "missing": "is required",
        "long": "should hold at most 5 characters",
        "blank": "should hold a visible character",
        "nul": "should not hold the character NUL",
    }
