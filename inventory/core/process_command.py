"""Command line of a process: its options are the parameters of a function.

Typer, which parses the commands of operators, imports Pydantic: a third of the start of a process.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from types import UnionType
from typing import Any, get_args, get_origin

from inventory.core.command_line import FAILURE_EXIT

_INTERRUPTED = 130  # as shells report SIGINT


def run_process_command(command: Callable[..., None], program: str, arguments: Sequence[str]) -> None:
    """Call a function with the options of its command line.

    Exits with code 2 for a wrong option, 130 after Ctrl-C, and 1 if the reader of the output has ended.

    Args:
        command: its docstring is the help text. A parameter is `Annotated[type, "help"]` with a default; a `bool` is a flag.
        program: the name of the program.
        arguments: the arguments after the name of the command.
    """
    parser = argparse.ArgumentParser(
        f"{program} {command.__name__}",
        description=inspect.getdoc(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for name, parameter in inspect.signature(command).parameters.items():
        kind, text = get_args(parameter.annotation)
        flag = f"--{name.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(flag, action="store_true", help=text)
        else:
            parser.add_argument(flag, default=parameter.default, type=_value_type(kind), help=text)
    options = vars(parser.parse_args(arguments))
    try:
        command(**options)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # Python writes the rest of its buffer at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILURE_EXIT)


def _value_type(kind: Any) -> Callable[[str], Any]:
    """The type of a value: `int` of `int | None`."""
    kinds = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    value_type: Callable[[str], Any] = next(one for one in kinds if one is not type(None))
    return value_type
