"""The promises of docs/reference/invariants.md and the tests named after them are the same."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def test_every_invariant_has_test_and_vice_versa() -> None:
    text = (_ROOT / "docs" / "reference" / "invariants.md").read_text(encoding="utf-8")
    promised = {int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    tested = {
        int(number)
        for file in (_ROOT / "tests").rglob("test_*.py")
        for number in re.findall(
            r"^(?:async )?def test_invariant_(\d\d)_", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert promised == {*range(1, 20)}
    assert tested == promised
