"""`python -m pioreactor.cli.fork_server`: starts jobs by forking; a process of its own that runs from boot.

It imports what jobs need once. A job that it forks shares that memory, and starts without importing. It holds nothing
of the unit: it has one thread and builds no runtime, so that it has no secret and no connection that jobs could share.
All that a job has of its own (configuration, plugins, connections) is made after the fork, by the same code as in a
process of its own.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import NoReturn

from pioreactor.bootstrap.preloaded import PRELOADED
from pioreactor.processes.command_line import PADDING
from pioreactor.processes.fork_listener import ForkedJob, ForkListener
from pioreactor.processes.launch import module_argv
from pioreactor.storage.paths import Paths

_COMMAND_LINE = (
    "pioreactor.cli.automation_commands",
    "pioreactor.cli.exit_codes",
    "pioreactor.cli.main",
    "pioreactor.cli.plugin_commands",
    "pioreactor.cli.recorded_commands",
    "pioreactor.cli.run_commands",
    "pioreactor.cli.tree",
    "pioreactor.cli.user_check",
)
"""Modules of this package that `pio run` imports at first use."""


def main() -> None:
    """Serve until SIGTERM or SIGINT; in a process that was forked, run its job."""
    if sys.argv[-1] != PADDING:
        if not _is_wanted():
            sys.stderr.write("Jobs are not forked: [jobs] use_fork_server is off.\n")
            return
        _begin_with_room_for_command_lines()
    _import_what_jobs_need()
    with ForkListener(Paths.from_environment(os.environ).fork_server) as listener:
        job = listener.serve()
    if job is not None:
        _run(job)


def _is_wanted() -> bool:
    from pioreactor.bootstrap.process import forks_jobs

    return forks_jobs(Paths.from_environment(os.environ))


def _begin_with_room_for_command_lines() -> None:
    argv = [*module_argv("pioreactor.cli.fork_server"), PADDING]
    os.execv(argv[0], argv)


def _import_what_jobs_need() -> None:
    from pioreactor.cli import fast_start
    from pioreactor.job_catalog import JOBS

    fast_start.import_msgspec()
    for spec in JOBS.values():
        if not spec.leader_only:
            spec.load()
    for module in (*PRELOADED, *_COMMAND_LINE):
        import_module(module)
    gc.collect()
    # What is there now lives as long as the process: collections in jobs need not touch, and so copy, its pages.
    gc.freeze()


def _run(job: ForkedJob) -> NoReturn:
    from pioreactor.cli.main import main as run_pio

    status: int | str | None = 0
    try:
        run_pio()
    except SystemExit as ended:
        status = ended.code
        raise
    except BaseException:
        status = 1
        raise
    finally:
        job.tell_end(status if isinstance(status, int) else int(status is not None))
    sys.exit(0)


if __name__ == "__main__":
    main()
