"""`python -m pioreactor.cli.output_guard`: the output guard of this unit, a process of its own that runs from boot.

It is not a subcommand of `pio`: it loads neither the command line nor plugins.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from pioreactor.private_files import restrict_new_files


def main() -> None:
    """Guard the outputs of this unit until SIGTERM or SIGINT."""
    restrict_new_files()
    from pioreactor.bootstrap import build_runtime
    from pioreactor.output_guard.guard_process import run_output_guard
    from pioreactor.processes.watchdog import watchdog_sender

    runtime = build_runtime(quiet=True, handles_signals=False, asks_leader=False)
    stop = runtime.clock.signal()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    print(f"Guarding the outputs of {runtime.unit}.", file=sys.stderr)  # noqa: T201  the first line of its log
    run_output_guard(runtime, stop, report_alive=watchdog_sender(os.environ))


if __name__ == "__main__":
    main()
