"""A signal ends a process even where Python drops what its handler raises."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys, threading
from pioreactor.runtime import signals

class Job:
    ended = threading.Event()
    def clean_up(self):
        self.ended.set()

class Rt:
    handles_signals = True

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass

job = Job()
signals.stop_on_signal(Rt(), job)
finalized = Finalized()
del finalized
print("still here", flush=True)
sys.exit(7 if job.ended.wait(15) else 8)
"""


@pytest.mark.system
def test_a_signal_that_meets_a_finalizer_still_ends_the_jobs() -> None:
    process = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)

    assert (process.stdout, process.returncode) == ("still here\n", 7), process.stderr
