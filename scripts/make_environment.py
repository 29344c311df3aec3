"""Makes the virtual environment and installs the package into it, on a machine that has nothing but Python.

Run `python3 scripts/make_environment.py PATH EXTRA...`, for example `.venv leader dev`. Only the standard library is
used, and syntax that an older Python can read far enough to be told that it is too old.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = (20, 19)
"""What the UI's build tool asks for."""
STEP = re.compile(r"(?:Collecting|(?P<last>Installing collected packages)) ?(?P<name>[\w.-]*)")


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def refuse_old_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise SystemExit(
            "Python 3.11 or newer is needed, this one is " + found + ": `make PYTHON=/path/to/python3.11 …`."
        )


def succeeds(*command: str) -> bool:
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def has_pip(venv: Path) -> bool:
    return succeeds(str(venv / "bin" / "python"), "-m", "pip", "--version")


def make_venv(venv: Path) -> None:
    """Make a virtual environment that has pip, the way this machine allows; SystemExit says the remedy if none."""
    if has_pip(venv):
        return
    shutil.rmtree(venv, ignore_errors=True)
    if succeeds(sys.executable, "-m", "venv", str(venv)) and has_pip(venv):
        return
    shutil.rmtree(venv, ignore_errors=True)
    if borrow_pip(venv):
        return
    shutil.rmtree(venv, ignore_errors=True)
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if install_venv_package(package) and succeeds(sys.executable, "-m", "venv", str(venv)) and has_pip(venv):
        return
    shutil.rmtree(venv, ignore_errors=True)
    raise SystemExit(
        f"This Python cannot make virtual environments: install {package} "
        f"(on Debian: `sudo apt-get install {package}`) and run `make` again."
    )


def borrow_pip(venv: Path) -> bool:
    """Put pip into an environment made without it, with the pip of the machine; tell whether it worked."""
    if not succeeds(sys.executable, "-m", "pip", "--version"):
        return False
    python = str(venv / "bin" / "python")
    return (
        succeeds(sys.executable, "-m", "venv", "--without-pip", str(venv))
        and succeeds(sys.executable, "-m", "pip", "--python", python, "install", "pip")
        and has_pip(venv)
    )


def install_venv_package(package: str) -> bool:
    """Install Debian's package when we may; tell whether it worked."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    print_line(f"      this Python lacks pip; installing {package} with apt-get…")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package, "python3-venv"]):
        if subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
            return False
    return True


def has_new_enough_node() -> bool:
    """Tell whether the Node.js on the PATH can build the UI."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    words = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
    numbers = re.findall(r"\d+", words)[:2]
    return tuple(int(number) for number in numbers) >= OLDEST_NODE


def install(venv: Path, extras: list[str]) -> None:
    """Install the package (editable) with its extras, at the versions of constraints.txt; show each step."""
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--constraint", str(ROOT / "constraints.txt"), "--editable", target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        lines = show_progress(pip.stdout)
    if pip.returncode != 0:
        raise SystemExit("\n".join([*lines[-15:], "The packages could not be installed: is there a network?"]))


def show_progress(output: Iterable[str]) -> list[str]:
    """Show pip's steps on one line of a terminal, or some of them elsewhere; return all its lines."""
    lines: list[str] = []
    fetched = 0
    rewrites = sys.stdout.isatty()
    for line in output:
        lines.append(line.rstrip())
        step = STEP.match(line.strip())
        if step is None:
            continue
        fetched += step["last"] is None
        words = f"      {fetched} fetched, " + (step["name"] if step["last"] is None else "putting them in place…")
        if rewrites:
            sys.stdout.write("\r\033[K" + words[:78])
            sys.stdout.flush()
        elif fetched % 10 == 0 or step["last"] is not None:
            print_line(words)
    if rewrites:
        sys.stdout.write("\r\033[K")
    return lines


def main() -> None:
    refuse_old_python()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("venv", type=Path)
    parser.add_argument("extras", nargs="*")
    options = parser.parse_args()
    extras = [*options.extras, *([] if has_new_enough_node() else ["ui-build"])]
    print_line(f"[1/2] Making {options.venv} with Python {sys.version.split()[0]}…")
    make_venv(options.venv)
    print_line("[2/2] Installing packages (about a minute the first time)…")
    install(options.venv, extras)


if __name__ == "__main__":
    main()
