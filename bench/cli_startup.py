"""Measures how long commands take to start, as multiples of an interpreter that does nothing, in the same run.

Run `python -m bench.cli_startup [ROUNDS]`. Goals: `pio version` at most 1.5, `pio --help` and the list of jobs 3.
Called is the entry point; the script that an installer wrote for it has a row of its own, because some import `re`,
which takes longer than the command.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ENTRY_POINT = "from pioreactor.cli.main import main; main()"
SCRIPT = Path(sys.executable).parent / "pio"
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "pio version": [sys.executable, "-c", ENTRY_POINT, "version"],
    "pio --help": [sys.executable, "-c", ENTRY_POINT, "--help"],
    "pio config get ui port": [sys.executable, "-c", ENTRY_POINT, "config", "get", "ui", "port"],
    "pio jobs list running": [sys.executable, "-c", ENTRY_POINT, "jobs", "list", "running"],
    "pio version (script)": [str(SCRIPT), "version"],
}


def main(rounds: int = 15) -> None:
    """Print the median of each command and its ratio; rounds alternate so that a busy machine slows all alike."""
    commands = {name: words for name, words in COMMANDS.items() if words[0] != str(SCRIPT) or SCRIPT.exists()}
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            started = time.perf_counter()
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - started)
    reference = statistics.median(took["python -c pass"])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:<24} {median * 1000:7.1f} ms   {median / reference:5.2f} x")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
