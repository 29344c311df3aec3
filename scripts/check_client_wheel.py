"""Checks an installed wheel of the Python client: its version, its types and widgets, and that it needs nothing else.

python scripts/check_client_wheel.py --python VENV/bin/python --tag v27.0.0
"""

import argparse
import subprocess
import sys

PROBE = """
import importlib.util
from importlib.resources import files

import pioreactor_client
from pioreactor_client import Client

package = files("pioreactor_client")
needed = ("py.typed", "widgets/live_chart.js", "widgets/job_controls.js")
missing = [name for name in needed if not package.joinpath(name).is_file()]
assert not missing, f"the wheel lacks {missing}"
assert importlib.util.find_spec("pioreactor") is None, "the software is installed too: this proves nothing"
try:
    Client.connect("http://127.0.0.1:9", "a-token")
except pioreactor_client.UnreachableError:
    print(pioreactor_client.__version__)
"""
"""What a script meets: the package imports, has its files, and names what it cannot reach."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="interpreter of the environment that the wheel is installed in")
    parser.add_argument("--tag", required=True, help="tag of the release: its version after a v")
    asked = parser.parse_args()
    done = subprocess.run([asked.python, "-I", "-c", PROBE], capture_output=True, text=True, check=False)
    version = done.stdout.strip()
    if done.returncode != 0 or f"v{version}" != asked.tag:
        sys.stderr.write(f"The wheel has the version {version!r}, the tag is {asked.tag!r}.\n{done.stderr}")
        return 1
    sys.stdout.write(f"The wheel of the client is complete: {version}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
