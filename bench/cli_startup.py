"""Measures how long commands take to start, as multiples of an interpreter that does nothing, in the same run.

Run `python -m bench.cli_startup [ROUNDS]`. Targets: `pio version` at most 1.5,
`pio --help` at most 5.
"""

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "pio version": ["-m", "pioreactor.cli.main", "version"],
    "pio --help": ["-m", "pioreactor.cli.main", "--help"],
    "pio config get ui port": ["-m", "pioreactor.cli.main", "config", "get", "ui", "port"],
}


def main(rounds: int = 15) -> None:
    """Print the median of each command and its ratio; rounds alternate so that a busy machine slows all alike."""
    took: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, arguments in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            took[name].append(time.perf_counter() - started)
    reference = statistics.median(took["python -c pass"])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:<24} {median * 1000:7.1f} ms   {median / reference:5.2f} x")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
