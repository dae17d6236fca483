"""Options of a process, from the parameters of its function."""

import subprocess
import sys
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


def interrupted() -> None:
    """Wait."""
    raise KeyboardInterrupt


def test_interrupted_command_exits_as_shells_report() -> None:
    with pytest.raises(SystemExit) as stopped:
        run_process_command(interrupted, "program", [])
    assert stopped.value.code == 130


def test_command_whose_reader_has_ended_exits_without_traceback() -> None:
    script = (
        "from inventory.core.process_command import run_process_command\n"
        "def many() -> None:\n"
        "    'Print many lines.'\n"
        "    for _ in range(100_000): print('x' * 100)\n"
        "run_process_command(many, 'program', [])\n"
    )
    with subprocess.Popen(  # noqa: S603 - Python of the tests
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "x" * 100 + "\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1


def test_run_process_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_process_command(listen, "program", ["--help"])
    assert stopped.value.code == 0
    output = capsys.readouterr().out
    assert "Listen until SIGTERM." in output
    assert "--first-port FIRST_PORT Port." in " ".join(output.split())
