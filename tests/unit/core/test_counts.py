"""Counts with their noun."""

import re
from pathlib import Path

import pytest

from inventory.core.counts import count_text


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (0, "partition", "", "0 partitions"),
        (1, "partition", "", "1 partition"),
        (2, "partition", "", "2 partitions"),
        (2100, "dead letter", "", "2,100 dead letters"),
        (1, "query", "queries", "1 query"),
        (3, "query", "queries", "3 queries"),
    ],
)
def test_count_text_has_singular_for_one_only(number: int, noun: str, plural: str, text: str) -> None:
    assert count_text(number, noun, plural) == text


NOUNS = "partition|diamond|stone|item|message|check|run|problem|price|dead letter|alert|row|repetition|work item"
# Counts of the supplier's whole feed, in the errors of its proofs: never one.
FEED_PROOFS = ("sync/planning/", "sync/consolidator/row_completeness.py", "sync/consolidator/run_completeness.py")


def shown_counts(pattern: str, *globs: str) -> list[str]:
    paths = [path for glob in globs for path in Path().glob(glob) if "vendored" not in path.parts]
    assert len(paths) > 10
    return [
        f"{path}: {found}"
        for path in paths
        if not path.as_posix().startswith(FEED_PROOFS)
        for found in re.findall(pattern, path.read_text("utf-8"))
    ]


def test_commands_and_mails_count_with_the_helper() -> None:
    pattern = rf"f\"[^\"\n]*\{{[\w.()\[\]]*(?::,)?\}} (?:{NOUNS})s\b[^\"\n]*"
    assert shown_counts(pattern, "sync/**/*.py", "inventory/runs/*.py", "inventory/alerts/*.py") == []


def test_dashboard_counts_with_the_helper() -> None:
    pattern = rf"\$\{{count\([^}}]*\)\}}(?:</strong>)? (?:{NOUNS})s\b"
    assert shown_counts(pattern, "app/dashboard/static/**/*.js") == []
