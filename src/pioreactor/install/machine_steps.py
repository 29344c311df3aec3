"""The steps that make a machine a unit. Each may be done again, and keeps what is there."""

from __future__ import annotations

import grp
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pioreactor.updates.durable_files import revision_of
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.version_order import newest_revision_among, refuse_newer_data, refuse_older
from pioreactor.version import __version__

PREFIX: Final = Path("/opt/pioreactor")
ACCOUNT: Final = "pioreactor"
HOME: Final = Path("/home", ACCOUNT)
DATA: Final = HOME / ".pioreactor"
_LOG: Final = Path("/var/log/pioreactor.log")
_PROGRAM: Final = PREFIX / "current" / "bin" / "pio"
_GROUPS: Final = ("i2c", "gpio", "spi", "video")
_PACKAGES: Final[Mapping[str, Sequence[str]]] = {
    "leader": ("openssl", "openssh-client", "mosquitto"),
    "worker": ("openssl", "openssh-client"),
    "machine": ("openssl", "openssh-client"),
}
_USEFUL_PACKAGES: Final = {
    "chrony": "the clocks of the cluster are not kept together",
    "polkitd": "the services cannot switch the machine off, restart each other, or mount USB drives",
    "udisks2": "USB drives cannot be mounted from the panel",
}
"""What the software runs without, and what does not work then."""
_APT: Final = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q", "--no-install-recommends")
_SYSTEMD: Final = Path("/run/systemd/system")
_OF_DEBIAN_PACKAGE: Final = Path("/lib/systemd/system/pioreactor.target")
_FILES: Final = files("pioreactor.install")
"""In an environment, a checkout or a wheel."""
_TARGETS: Final = {"systemd": Path("/etc/systemd/system"), "polkit": Path("/etc/polkit-1/rules.d")}


class InstallError(Exception):
    """This machine cannot be made a unit; the message says why, and the remedy."""


def install(
    role: str,
    options: Sequence[str],
    *,
    environment: Path | None = None,
    wheels: Path | None = None,
    allow_older: bool = False,
) -> None:
    """Make this machine a `leader`, a `worker`, or a `machine` that is to become one of them.

    `options` are those of `pio cluster init` or `join`. Raise `InstallError`, `OSError` or
    `subprocess.CalledProcessError` where a step fails.
    """
    refuse_older_version(environment, is_allowed=allow_older)
    os.umask(0o022)  # other accounts may run what is installed
    place = Path(__file__).resolve().parents[2]
    ready = environment or running_environment(place)
    is_run_by_dpkg = "DPKG_MAINTSCRIPT_NAME" in os.environ
    if not is_run_by_dpkg:  # which has seen to packages, and lets no other program install any
        install_packages([*_PACKAGES[role], *(() if ready else ("python3-venv",))])
    make_account()
    use(ready or make_environment(place, wheels))
    if not _OF_DEBIAN_PACKAGE.exists():
        place_services()
    join_cluster(role, options)
    keep_time()
    if _SYSTEMD.is_dir():
        start_services()
    else:
        step("this machine has no systemd: run `pio cluster run` as the user pioreactor")


def refuse_older_version(
    environment: Path | None, *, is_allowed: bool, prefix: Path = PREFIX, data: Path = DATA
) -> None:
    """Raise `InstallError` rather than replace a newer version, or give data to one that cannot read them.

    Nothing was changed until then.
    """
    present, database = version_of(prefix / "current"), data / "storage" / "pioreactor.sqlite"
    version = (version_of(environment) if environment is not None else None) or __version__
    try:
        if present is not None:
            refuse_older(version, present, is_allowed=is_allowed)
        if database.exists():
            refuse_newer_data(version, newest_revision(environment), revision_of(database))
    except sqlite3.Error as error:
        raise InstallError(f"{database} cannot be read: {error}\nTry: move the folder {data} elsewhere") from error
    except UpdateRefusedError as error:
        raise InstallError(f"{error}\nTry: {error.remedy}") from error


def version_of(environment: Path) -> str | None:
    """Return the version of this software in an environment; None for one that does not say."""
    question = "import pioreactor.version as v; print(v.__version__)"
    command = (environment / "bin" / "python", "-P", "-c", question)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def newest_revision(environment: Path | None) -> str | None:
    """Return the newest schema that an environment can read, or this program where there is none."""
    if environment is not None:
        packages = environment.glob("lib/python*/site-packages/pioreactor")
        return newest_revision_among(str(path) for package in packages for path in package.rglob("r*.py"))
    folder = "storage/leader/migrations/versions"
    return newest_revision_among(f"{folder}/{file.name}" for file in files("pioreactor").joinpath(folder).iterdir())


def step(text: str) -> None:
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def install_packages(names: Sequence[str]) -> None:
    """Install what is missing of Debian's packages."""
    missing = missing_packages(names)
    if missing:
        step(f"packages: {' '.join(missing)}")
        run("apt-get", "update", "-q")
        run(*_APT, *missing)
    for name in missing_packages([*_USEFUL_PACKAGES] if _SYSTEMD.is_dir() else []):
        step(f"packages: {name}")
        if not succeeds(*_APT, name):
            step(f"{name} was not installed; {_USEFUL_PACKAGES[name]}")


def missing_packages(names: Sequence[str]) -> list[str]:
    return [name for name in names if not has_package(name)]


def has_package(name: str) -> bool:
    asked = ("dpkg-query", "-W", "-f", "${Status}", name)
    return "ok installed" in subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def make_account() -> None:
    """Make the account of the services, with what it needs to reach the reactor and to keep its data."""
    if not succeeds("id", ACCOUNT):
        step(f"account: {ACCOUNT}")
        run("useradd", "--create-home", "--home-dir", HOME, "--shell", "/bin/bash", ACCOUNT)
    groups = {group.gr_name for group in grp.getgrall()}.intersection(_GROUPS)
    run("usermod", "-a", "-G", ",".join(groups), ACCOUNT)
    make_folder(HOME, 0o755)
    make_folder(DATA, 0o700)
    make_folder(Path("/run", ACCOUNT), 0o750)
    _LOG.touch()
    own(_LOG, 0o640)


def make_folder(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    own(path, mode)


def own(path: Path, mode: int) -> None:
    shutil.chown(path, ACCOUNT, ACCOUNT)
    path.chmod(mode)


def running_environment(place: Path) -> Path | None:
    """Return the environment that this program is installed in; None when it runs from a wheel or a checkout."""
    is_installed = place.is_dir() and not (place.parent / "pyproject.toml").is_file()
    return Path(sys.prefix).resolve() if is_installed else None


def make_environment(place: Path, wheels: Path | None) -> Path:
    """Return a new environment with this software, of the wheel or the checkout that this program is in."""
    target = PREFIX / "versions" / __version__
    step(f"environment: {target}")
    mark = target / "installed.json"
    mark.unlink(missing_ok=True)  # without it, the environment is not whole
    run(sys._base_executable, "-m", "venv", target)  # type: ignore[attr-defined]
    source = place if place.is_file() else place.parent
    options = ["-q", "--disable-pip-version-check", *constraints(source, target)]
    options += ["--no-index", "--find-links", str(wheels)] if wheels is not None else []
    run(target / "bin" / "pip", "install", *options, f"{source}[{extras()}]")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    mark.write_text(json.dumps({"version": __version__, "digest": "", "installed_at": now}), encoding="utf-8")
    return target


def constraints(source: Path, target: Path) -> list[str]:
    """Return pip's options that take other packages in the versions with which this one was tested."""
    of_wheel, of_checkout = _FILES / "constraints.txt", source / "constraints.txt"
    found = [path.read_bytes() for path in (of_wheel, of_checkout) if path.is_file()]
    pins = target / "constraints.txt"
    pins.write_bytes(b"".join(found))
    return ["-c", str(pins)]


def extras() -> str:
    model = Path("/proc/device-tree/model")
    is_on_pi = model.exists() and b"Raspberry Pi" in model.read_bytes()
    return ",".join([*(["rpi"] if is_on_pi else []), "leader", "parquet", "postgresql"])


def use(environment: Path) -> None:
    """Make an environment the one that services and commands run; raise `InstallError` if they could not."""
    (PREFIX / "versions").mkdir(parents=True, exist_ok=True)
    # Updates install further versions as this account; its other services cannot write there.
    run("chown", "-R", f"{ACCOUNT}:{ACCOUNT}", PREFIX)
    program = environment / "bin" / "pio"
    if not succeeds(*as_account(), program, "version"):
        raise InstallError(
            f"the account {ACCOUNT} cannot run {program}\n"
            "Try: an environment in a folder that every account may read, such as /opt; or run this from the wheel"
        )
    is_versioned = environment.parent == PREFIX / "versions"
    link(PREFIX / "current", environment.relative_to(PREFIX) if is_versioned else environment)
    if not _OF_DEBIAN_PACKAGE.exists():
        link(Path("/usr/local/bin/pio"), _PROGRAM)
        link(Path("/usr/local/bin/pios"), _PROGRAM.with_name("pios"))


def link(path: Path, target: Path) -> None:
    """Make or replace a symbolic link."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)


def place_services() -> None:
    step("services: /etc/systemd/system/pioreactor*")
    for name, target in _TARGETS.items():
        place(_FILES / name, target)


def place(source: Traversable, target: Path) -> None:
    """Copy the files of a folder, and of folders in it."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        path = target / file.name
        if file.is_dir():
            place(file, path)
        else:
            path.write_bytes(file.read_bytes())
            path.chmod(0o644)


def join_cluster(role: str, options: Sequence[str]) -> None:
    """Make a cluster or wait to be taken into one, unless this machine is a member of one already."""
    if role == "leader":
        run(*as_account(), _PROGRAM, "cluster", "init", *options)
    elif (DATA / "storage" / "cluster.json").exists():
        step("this machine is a member of a cluster: sudo -u pioreactor pio cluster status")
    elif role == "worker":
        run(*as_account(), _PROGRAM, "cluster", "join", *options)
    else:
        step("next: sudo -u pioreactor pio cluster init   (a leader)")
        step("  or: sudo -u pioreactor pio cluster join   (a worker)")


def as_account() -> tuple[str, ...]:
    """Return what runs a command as the account of the services."""
    variables = (f"HOME={HOME}", f"HOSTNAME={os.environ.get('HOSTNAME', socket.gethostname())}")
    return ("runuser", "-u", ACCOUNT, "--", "env", "-C", "/", *variables)


def keep_time() -> None:
    """Put the file into place with which leader and workers keep one time; `init` and `join` have made it."""
    made, target = DATA / "chrony.conf", Path("/etc/chrony/conf.d/pioreactor.conf")
    if made.exists():
        step(f"clock: {target}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, target)
        target.chmod(0o644)


def start_services() -> None:
    """Start what has to run from boot, now and at each boot."""
    succeeds("systemctl", "try-restart", "chrony.service")
    # The distribution's own broker would take the port. Set up after this, it does not start: mosquitto.service.d.
    succeeds("systemctl", "disable", "--now", "mosquitto.service")
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "-q", *units_from_boot())
    run("systemctl", "restart", "pioreactor.target")
    step("started: systemctl status 'pioreactor*'")


def units_from_boot() -> list[str]:
    units = [unit for unit in (_FILES / "systemd").iterdir() if unit.is_file()]
    return sorted(unit.name for unit in units if "[Install]" in unit.read_text("utf-8"))
