"""Builds the documentation site into the package, so that a leader without internet serves it at `/docs`.

Run `python scripts/build_docs.py`; a broken link or an unknown page fails the build. With `--if-changed`
nothing is done when the site was built from these sources.
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "zensical.toml"
SITE = ROOT / "src" / "pioreactor" / "web" / "docs_site"
STAMP = ".built-from"


def fingerprint() -> str:
    """Return a hash over the names and contents of the sources."""
    digest = hashlib.sha256()
    for path in [CONFIG, *sorted(path for path in (ROOT / "docs").rglob("*") if path.is_file())]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(site: Path) -> bool:
    """Tell whether `site` was built from exactly these sources."""
    stamp = site / STAMP
    return (site / "index.html").is_file() and stamp.is_file() and stamp.read_text() == fingerprint()


def build() -> None:
    """Build with all warnings as errors and replace the site of the package; exit with status 1 when it fails."""
    if importlib.util.find_spec("zensical") is None:
        sys.exit("Building the documentation needs Zensical: run `pip install -c constraints.txt '.[docs]'`.")
    built = ROOT / tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["site_dir"]
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "--config-file", str(CONFIG)]
    finished = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if finished.returncode != 0 or not (built / "index.html").is_file():
        sys.stdout.write(finished.stdout + finished.stderr)
        sys.exit("The documentation site was not built.")
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(built, SITE)
    (SITE / STAMP).write_text(fingerprint())
    size_mb = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) / 1e6
    sys.stdout.write(f"The documentation is in {os.path.relpath(SITE, ROOT)} ({size_mb:.1f} MB).\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--if-changed", action="store_true", help="do nothing when the sources are unchanged")
    if not (parser.parse_args().if_changed and is_current(SITE)):
        build()


if __name__ == "__main__":
    main()
