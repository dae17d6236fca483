import io
import sys

import msgspec
import pytest
from rich.console import Console

from sandbox import progress
from sandbox.progress import JsonDisplay, ProgressState


def lines(text: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in text.splitlines()]


def test_step_is_one_line_without_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    moments = {
        100.0: ProgressState("counting"),
        101.0: ProgressState("counting"),
        102.0: ProgressState("reading", 0, 500),
        106.9: ProgressState("reading", 200, 500),
        107.0: ProgressState("reading", 300, 500),
    }
    clock = iter(moments)
    shown = JsonDisplay(lambda: next(clock))
    for moment in moments.values():
        shown.update(moment)
    assert lines(capsys.readouterr().out) == [
        {"step": "counting", "done": 0, "total": None, "seconds": 0.0},
        {"step": "reading", "done": 0, "total": 500, "seconds": 0.0},
        {"step": "reading", "done": 300, "total": 500, "seconds": 5.0},
    ]


def test_messages_do_not_split_lines_of_step(capsys: pytest.CaptureFixture[str]) -> None:
    JsonDisplay().message("worker-1 ended")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "worker-1 ended\n")


def test_terminal_shows_every_step_complete_and_messages_unchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "Console", lambda: Console(file=screen, force_terminal=True, width=120))
    with progress.display() as shown:
        shown.update(ProgressState("counting"))
        shown.update(ProgressState("reading", 10, 1500))
        shown.message("[red] is no colour here")
        shown.update(ProgressState("reading", 1400, 1500))
    last = screen.getvalue().rpartition("Counting the feed")[2]
    assert "1,500 of 1,500" in last
    assert "to go" not in last
    assert "[red] is no colour here" in screen.getvalue()


def test_progress_bars_require_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with progress.display() as shown:
        assert isinstance(shown, JsonDisplay)
