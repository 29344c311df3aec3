"""How a command ends: its exit status, and a sentence instead of a traceback."""

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


def run_and_exit(command: click.Command, arguments: Sequence[str], *, obj: object = None) -> NoReturn:
    """Run a command line and exit: 0 done, 1 it failed, 2 the line makes no sense, 130 interrupted."""
    status = run(command, arguments, obj=obj)
    if status == INTERRUPTED:
        # An interrupt that meets code made from text (a dataclass being imported) marks the interpreter to end by the
        # signal instead, whoever handled it: the status is what scripts are promised.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(command: click.Command, arguments: Sequence[str], *, obj: object = None) -> int:
    """Run a command line and return its exit status; errors are said on standard error."""
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
    """Run this and return the exit status: what it returns if that is a number; errors are said on standard error."""
    try:
        status = main()
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # the reader (`| head`) has enough; the interpreter must not flush into the closed pipe when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except PioreactorError as error:
        say_error(error)
        return 1
    except Exception as error:
        # edge of the program: a person is told what happened, and how to see where
        if os.environ.get("DEBUG"):
            raise
        _say(f"Error: something unforeseen happened ({type(error).__name__}: {error}).")
        _say("  Try: run it again with DEBUG=1 and report what it shows.")
        return 1
    finally:
        _stop_jobs()


def _stop_jobs() -> None:
    """End jobs that a signal caught before anybody held them: between their start and the block that ends them."""
    signals = sys.modules.get("pioreactor.runtime.signals")
    if signals is not None:
        signals.stop_all()


def say_error(error: PioreactorError) -> None:
    """Write what happened, and what to do about it."""
    _say(f"Error: {error}")
    if error.remedy:
        _say(f"  Try: {error.remedy}")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
