"""Whatever docs/reference/invariants.md promises is tested under its number, and nothing is tested that it does not promise."""

import re
from pathlib import Path

_ROOT = Path(__file__).parents[3]


def test_every_invariant_has_a_test_and_every_such_test_an_invariant() -> None:
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
