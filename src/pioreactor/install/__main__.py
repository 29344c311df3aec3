"""Makes this machine, with Debian or Raspberry Pi OS, a unit of a cluster. Run again, it completes what is missing."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def port(text: str) -> int:
    """Return a port; raise `ValueError` for what is none."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError(text)
    return number


def existing(text: str) -> Path:
    """Return the absolute path of what is there; raise `ArgumentTypeError` for a path without anything."""
    path = Path(text).resolve()
    if not path.exists():
        raise argparse.ArgumentTypeError(f"there is no {path}")
    return path


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments; a cluster's options are those of `pio cluster init` and `join`."""
    nothing = argparse.SUPPRESS
    every = argparse.ArgumentParser(add_help=False, argument_default=nothing)
    every.add_argument("--environment", type=existing, help="use this one, in which it is installed")
    every.add_argument("--wheels", type=existing, help="install from the wheels in this folder, without a network")
    every.add_argument("--allow-older", action="store_true", help="replace a newer version, if this one reads its data")
    member = argparse.ArgumentParser(add_help=False, parents=[every], argument_default=nothing)
    member.add_argument("--simulated", action="store_true", help="without hardware: the reactor is a simulated one")
    member.add_argument("--model-name", help="model of its reactor")
    member.add_argument("--model-version", help="version of the model")
    whole = argparse.ArgumentParser(prog="pioreactor.install", description=__doc__)
    roles = whole.add_subparsers(dest="role", required=True, metavar="leader|worker|machine")
    leader = roles.add_parser("leader", parents=[member], argument_default=nothing, help="make a cluster and lead it")
    leader.add_argument("--with-reactor", action="store_true", help="the leader is also a worker")
    leader.add_argument("--address", help="where other units find the leader; default: its IP address")
    leader.add_argument("--port", type=port, help="port of the web servers; default: 443")
    leader.add_argument("--broker-port", type=port, help="port for MQTT; default: 1883")
    worker = roles.add_parser("worker", parents=[member], argument_default=nothing, help="wait for a leader")
    worker.add_argument("--code", help="a code that was agreed beforehand; default: a new one, which is shown")
    worker.add_argument("--file", type=existing, help="take the code from this TOML file")
    worker.add_argument("--port", type=port, help="port to wait at; default: 4998")
    worker.add_argument("--wait-min", type=float, help="time to wait [min]; default: 30")
    roles.add_parser("machine", parents=[every], help="install only; run `pio cluster init` or `join` later")
    return whole


def option(name: str, value: object) -> list[str]:
    """Return an option as the command of a cluster reads it."""
    flag = f"--{name.replace('_', '-')}"
    return [flag] if value is True else [flag, str(value)]


def main(arguments: Sequence[str] | None = None) -> int:
    if not __package__:  # run by its path, in a checkout or a wheel: its folder hides no other module
        sys.path[0] = str(Path(__file__).parents[2])
    if sys.version_info < (3, 11):  # noqa: UP036  it runs before pip could refuse
        return failed("Python 3.11 or newer is needed: Debian 12 and Raspberry Pi OS of its age have it")
    given = vars(parser().parse_args(arguments))
    role = given.pop("role")
    own = {name: given.pop(name) for name in ("environment", "wheels", "allow_older") if name in given}
    if os.geteuid() != 0:
        return failed("root alone may install\nTry: the same with sudo")
    from pioreactor.install.machine_steps import InstallError, install

    options = [word for name, value in given.items() for word in option(name, value)]
    try:
        install(role, options, **own)
    except (InstallError, OSError) as error:
        return failed(str(error))
    except subprocess.CalledProcessError as error:  # it has said why
        return failed(f"this command failed: {' '.join(map(str, error.cmd))}\nTry: again, when its cause is removed")
    return 0


def failed(why: str) -> int:
    sys.stderr.write(f"Error: {why}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
