"""Trial of the import of a plugin in a process of its own, with limits of time and memory."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from pioreactor.private_files import restrict_new_files
from pioreactor.processes.launch import inherited, launch, module_argv
from pioreactor.storage.paths import Paths

TIMEOUT_S: Final = 60.0
MAX_MEMORY_BYTES: Final = 2 * 1024**3
"""Of addresses: several times what is used."""
MAX_FILE_BYTES: Final = 64 * 1024**2


class ImportFindings(msgspec.Struct):
    """What the import of a plugin defined; `problem` says why it failed."""

    name: str = ""
    version: str = ""
    description: str = ""
    author: str = ""
    jobs: list[str] = []
    automations: list[str] = []
    commands: list[str] = []
    calibrations: list[str] = []
    measurements: list[str] = []
    replaced: list[str] = []
    """Jobs of ours that it replaces."""
    problem: str = ""


def try_import(
    plugin: Path,
    key: str,
    paths: Paths,
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> ImportFindings:
    """Import a plugin (a file, or the folder of a package) as it would be at the start of a job.

    It sees a copy of the unit's configuration, with the keys that it brings (`config`), and no data of the unit.
    """
    with TemporaryDirectory(prefix="plugin-", ignore_cleanup_errors=True) as folder:
        trial = _unit(Path(folder), paths)
        if plugin.is_dir():
            (trial.plugins / "packages").mkdir()
            (trial.plugins / "packages" / key).symlink_to(plugin)
        else:
            shutil.copyfile(plugin, trial.plugins / key)
        if config is not None and config.is_file():
            _add_keys(config, trial)
        answer = Path(folder) / "answer.json"
        problem = _run([key, str(answer)], _environment(trial, environment), timeout_s)
        try:
            return msgspec.json.decode(answer.read_bytes(), type=ImportFindings)
        except (OSError, msgspec.MsgspecError):
            return ImportFindings(problem=problem or "its import ended the process without an error")


def _unit(folder: Path, paths: Paths) -> Paths:
    """Make the folders of a unit with the configuration of another."""
    trial = Paths.below(folder)
    trial.plugins.mkdir(parents=True)
    trial.storage.mkdir()
    trial.run_pioreactor.mkdir()
    for source, target in ((paths.global_config, trial.global_config), (paths.local_config, trial.local_config)):
        if source.is_file():
            shutil.copyfile(source, target)
    return trial


def _add_keys(config: Path, trial: Paths) -> None:
    from pioreactor.exc import ConfigurationError
    from pioreactor.settings.editing import add_missing_keys

    with contextlib.suppress(ConfigurationError):  # reported where the file is read
        add_missing_keys(config, shared=trial.global_config, local=trial.local_config, is_leader=True)


def _environment(trial: Paths, environment: Mapping[str, str]) -> dict[str, str]:
    own = {
        "DOT_PIOREACTOR": str(trial.dot_pioreactor),
        "RUN_PIOREACTOR": str(trial.run_pioreactor),
        "GLOBAL_CONFIG": str(trial.global_config),
        "LOCAL_CONFIG": str(trial.local_config),
        "PIO_LOG_FILE": str(trial.log_file),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {**inherited(environment), **own, "SKIP_PLUGINS": ""}


def _run(arguments: list[str], environment: Mapping[str, str], timeout_s: float) -> str:
    """Run this module; return why it did not end well."""
    process = launch(module_argv(__name__, *arguments), environment, stderr=subprocess.PIPE)
    try:
        _, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return f"its import takes longer than {timeout_s:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it started
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode < 0:
        return f"its import ends the process: {signal.Signals(-process.returncode).name}"
    lines = stderr.decode(errors="replace").strip().splitlines()
    return (
        ""
        if process.returncode == 0
        else f"its import ends the process with status {process.returncode}: " + (lines[-1][:300] if lines else "")
    )


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _find(key: str) -> ImportFindings:
    """Import the plugins of this process's unit and return what the one with this key defined."""
    from pioreactor import measurements
    from pioreactor.automations import registry
    from pioreactor.calibrations.registry import all_protocols
    from pioreactor.job_catalog import JOBS
    from pioreactor.plugin_management.discovery import commands_below, failures, get_plugins, jobs_of

    folder = Paths.from_environment(os.environ).plugins
    protocols_before = set(all_protocols())
    found = get_plugins(folder, say=lambda _: None)
    plugins = {name: plugin for name, plugin in found.items() if plugin.key == key}
    if not plugins:
        return ImportFindings(problem=failures(folder).get(key, "it declares no entry point `pioreactor.plugins`"))
    [(name, plugin), *_] = plugins.items()
    commands = commands_below(plugin.module.__name__.split(".")[0]) - {"run"}
    jobs = sorted({job.job_name for each in plugins.values() for job in jobs_of(each)})
    protocols = set(all_protocols()) - protocols_before
    return ImportFindings(
        name=name,
        version=plugin.version,
        description=plugin.description,
        author=plugin.author,
        jobs=jobs,
        automations=[f"{kind}/{each}" for kind in registry.BUILT_IN for each in registry.registered(kind)],
        commands=sorted(commands - set(jobs)),
        calibrations=sorted(f"{device}/{each.protocol_name}" for device, each in protocols),
        measurements=sorted(spec.name for spec in measurements.registered_specs()),
        replaced=sorted((commands | set(jobs)) & set(JOBS)),
    )


def main() -> None:
    """Run in the process of the trial: the arguments are the key of the plugin and the file for the answer."""
    restrict_new_files()
    _limit()
    key, answer = sys.argv[1:]
    try:
        findings = _find(key)
    except MemoryError:
        findings = ImportFindings(problem=f"its import needs more than {MAX_MEMORY_BYTES / 1024**3:g} GiB of memory")
    Path(answer).write_bytes(msgspec.json.encode(findings))
    sys.stdout.flush()
    os._exit(0)  # threads that the plugin started do not matter


if __name__ == "__main__":
    main()
