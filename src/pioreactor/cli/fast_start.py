"""Starts jobs that take no options without the parser of the command line: they are on every unit, from boot.

The parser costs each of them 20 ms and 3 MB for nothing. What a person sees is the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final

JOBS: Final[Mapping[str, tuple[str, str]]] = {
    "monitor": ("pioreactor.background_jobs.monitor.job", "Monitor"),
    "mqtt_to_db_streaming": ("pioreactor.background_jobs.leader.mqtt_to_db_streaming", "MqttToDBStreamer"),
    "growth_rate_calculating": ("pioreactor.background_jobs.growth_rate_calculating.job", "GrowthRateCalculator"),
}
_OF_AN_EXPERIMENT: Final = frozenset({"growth_rate_calculating"})


def can_start(arguments: list[str]) -> bool:
    """Say whether this line names such a job and nothing else, on a unit without plugins, which may change anything."""
    if len(arguments) != 2 or arguments[0] != "run" or arguments[1] not in JOBS:
        return False
    from pioreactor.plugin_management.presence import are_there_plugins
    from pioreactor.storage.paths import Paths

    return not are_there_plugins(Paths.from_environment(os.environ).plugins)


def start_and_exit(name: str) -> None:
    """Run the job until it ends, and exit as every command does."""
    from pioreactor.cli.exit_codes import run_to_exit_code

    sys.exit(run_to_exit_code(lambda: _run(name)))


def _run(name: str) -> None:
    from importlib import import_module

    _import_msgspec()
    from pioreactor.bootstrap import build_runtime
    from pioreactor.cli.user_check import refuse_wrong_user
    from pioreactor.jobs.restart_policy import run_argv
    from pioreactor.runtime import context
    from pioreactor.storage.paths import Paths

    refuse_wrong_user(Paths.from_environment(os.environ).dot_pioreactor)
    runtime = build_runtime()
    context.install(runtime)
    for warning in runtime.settings.warnings:
        sys.stderr.write(f"Warning: {warning}\n")
    run_argv.set((name,))
    module, job_class = JOBS[name]
    experiment = (str(runtime.identity.experiment()),) if name in _OF_AN_EXPERIMENT else ()
    with getattr(import_module(module), job_class)(runtime.unit, *experiment) as job:
        job.block_until_disconnected()


def _import_msgspec() -> None:
    """Import it without `typing_extensions`, which it prefers where it is installed and does not need: 3 ms."""
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]
