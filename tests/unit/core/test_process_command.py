"""Options of a process, from the parameters of its function."""

from typing import Annotated

import pytest

from inventory.core.process_command import run_process_command

CALLS: list[tuple[str | None, int | None, bool]] = []


def listen(
    host: Annotated[str | None, "Address."] = None,
    first_port: Annotated[int | None, "Port."] = None,
    once: Annotated[bool, "Stop soon."] = False,
) -> None:
    """Listen until SIGTERM."""
    CALLS.append((host, first_port, once))


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (None, None, False)),
        (["--host", "::1", "--first-port=80"], ("::1", 80, False)),
        (["--once"], (None, None, True)),
    ],
)
def test_run_process_command_passes_options(arguments: list[str], expected: tuple[object, ...]) -> None:
    run_process_command(listen, "program", arguments)
    assert [expected] == CALLS


@pytest.mark.parametrize("arguments", [["--first-port", "x"], ["--unknown"], ["--onc"], ["other"]])
def test_run_process_command_rejects_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_process_command(listen, "program", arguments)
    assert stopped.value.code == 2
    assert "usage: program listen" in capsys.readouterr().err
    assert CALLS == []


def test_run_process_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_process_command(listen, "program", ["--help"])
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert "Listen until SIGTERM." in output
    assert "--first-port FIRST_PORT Port." in " ".join(output.split())
