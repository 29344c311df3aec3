"""Exit codes of commands, and error messages instead of tracebacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from pioreactor.exc import PioreactorError

if TYPE_CHECKING:
    import click

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""


def run_and_exit(
    command: click.Command,
    arguments: Sequence[str],
    *,
    obj: object = None,
    after: Callable[[Sequence[str], int], None] | None = None,
) -> NoReturn:
    """Run a command line and exit: 0 success, 1 error, 2 usage error, 130 interrupted.

    `after` is called with the arguments and the status before the exit.
    """
    status = run(command, arguments, obj=obj)
    if after is not None:
        after(arguments, status)
    if status == INTERRUPTED:
        # An interrupt that meets code made from text (a dataclass being imported) marks the interpreter to end by the
        # signal instead, whichever code handled it; scripts rely on the documented status.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(command: click.Command, arguments: Sequence[str], *, obj: object = None) -> int:
    """Run a command line and return its exit code; errors are printed to standard error."""
    import click

    def main() -> object:
        try:
            return command.main(list(arguments), prog_name=command.name, standalone_mode=False, obj=obj)
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            raise KeyboardInterrupt from None

    return run_to_exit_code(main)


def run_to_exit_code(main: Callable[[], object]) -> int:
    """Run this and return the exit code: its result if that is an int; errors are printed to standard error."""
    try:
        status = main()
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except KeyboardInterrupt:
        print_interrupted()
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has closed the pipe; the interpreter must not flush into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except PioreactorError as error:
        print_error(error)
        return 1
    except Exception as error:
        # Edge of the program: the user gets a message, and how to get the traceback.
        if os.environ.get("DEBUG"):
            raise
        _print_line(f"Error: unexpected error ({type(error).__name__}: {error}).")
        _print_line("  Try: run it again with DEBUG=1 and report the traceback.")
        return 1
    finally:
        _stop_jobs()


def _stop_jobs() -> None:
    """Stop jobs that a signal interrupted between their start and the `with` block that stops them."""
    signals = sys.modules.get("pioreactor.runtime.signals")
    if signals is not None:
        signals.stop_all()


def print_error(error: PioreactorError) -> None:
    """Print what happened, and what to do about it."""
    _print_line(f"Error: {error}")
    if error.remedy:
        _print_line(f"  Try: {error.remedy}")


def print_interrupted() -> None:
    """Say that Ctrl-C has ended the command."""
    _print_line("Interrupted.")


def _print_line(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
