"""`pio`: this unit's command line."""

import os
import sys

TYPE_CHECKING = False  # `typing` is not imported for it
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pioreactor.cli.asked_changes import Line

HELP_FILE = "help.txt"
"""What click prints for `pio --help` in 80 columns; generated, because importing click takes three starts of Python."""


def main() -> None:
    """Run one command and exit with its status."""
    arguments = sys.argv[1:]
    if arguments in (["version"], ["--version"]):
        # asked by scripts and by every update: answered before anything else is imported
        from pioreactor.version import __version__

        sys.stdout.write(f"{__version__}\n")
        return
    if arguments in (["--help"], ["-h"]) and _columns() >= 80:
        sys.stdout.write(_generated_help())
        return
    if arguments[:1] == ["jobs"]:
        from pioreactor.cli.fast_start import listed_jobs

        lines = listed_jobs(arguments, os.environ)
        if lines is not None:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            return
    _run(arguments)


def _run(arguments: list[str]) -> None:
    from pioreactor.private_files import restrict_new_files

    restrict_new_files()
    from pioreactor.cli import fast_start
    from pioreactor.cli.asked_changes import without_reason
    from pioreactor.cli.recorded_commands import is_recorded, record

    line = without_reason(arguments, os.environ)
    arguments, reason = line.arguments, line.reason
    if arguments[:1] == ["run"]:
        fast_start.import_msgspec()
    is_change = is_recorded(arguments, os.environ)
    if is_change:
        reason = _answered(line)
    if is_change and arguments[:1] == ["run"]:
        record(arguments, None, reason=reason)
    if fast_start.can_start(arguments):
        fast_start.start_and_exit(arguments[1])
    from pioreactor.cli.exit_codes import run_and_exit
    from pioreactor.cli.tree import pio

    def record_end(arguments: "Sequence[str]", status: int) -> None:
        record(arguments, status, reason=reason)

    run_and_exit(pio, arguments, after=record_end if is_change and arguments[:1] != ["run"] else None)


def _answered(line: "Line") -> str | None:
    """Return the reason for a change; exit where the lab asks for more than the person says, or at an interrupt."""
    from pioreactor.cli.asked_changes import answer
    from pioreactor.cli.exit_codes import INTERRUPTED, print_error, print_interrupted
    from pioreactor.exc import PioreactorError

    try:
        return answer(line, os.environ)
    except PioreactorError as error:
        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print_interrupted()
        sys.exit(INTERRUPTED)


def _columns() -> int:
    """Return the width of the terminal as click finds it; click uses at most 80 columns."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80  # not a terminal


def _generated_help() -> str:
    with open(os.path.join(os.path.dirname(__file__), HELP_FILE), encoding="utf-8") as file:  # noqa: PTH118, PTH120, PTH123  pathlib takes half a start of Python
        return file.read()


if __name__ == "__main__":
    main()
