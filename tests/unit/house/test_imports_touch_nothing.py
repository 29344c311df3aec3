"""Importing any module reads no file, no environment and no clock, opens no socket, starts no thread or process."""

import subprocess
import sys

PROGRAM = r"""
import importlib, os, pkgutil, sys, time

CODE = (".py", ".pyc", ".so")
WATCHED = ("open", "socket.bind", "socket.connect", "socket.__new__", "subprocess.Popen", "os.system", "os.listdir",
           "os.scandir", "os.mkdir", "sqlite3.connect", "_thread.start_new_thread", "fcntl.flock")
seen = set()

def whose():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.split(".")[0] not in sys.stdlib_module_names and name != "__main__":
            return name
        if frame.f_code.co_name == "<module>" and name != "__main__":
            return name  # the standard library's own import
        frame = frame.f_back
    return ""

def note(what):
    name = whose()
    if name.startswith("pioreactor"):
        seen.add(f"{name}: {what}")

def hook(event, arguments):
    if event not in WATCHED:
        return
    if event == "open" and str(arguments[0]).endswith(CODE):
        return
    if event in ("os.listdir", "os.scandir") and "importlib" in (sys._getframe(1).f_code.co_filename):
        return
    note(f"{event} {arguments[:1]}")

environ = type(os.environ)
read = environ.__getitem__
environ.__getitem__ = lambda self, key: (note(f"environment {key}"), read(self, key))[1]
for clock in ("time", "monotonic", "perf_counter"):
    def told(real=getattr(time, clock), clock=clock):
        note(f"clock {clock}")
        return real()
    setattr(time, clock, told)

import pioreactor
sys.addaudithook(hook)
for module in pkgutil.walk_packages(pioreactor.__path__, "pioreactor."):
    if not module.name.endswith(("__main__", ".migrations.env")):
        importlib.import_module(module.name)
print("\n".join(sorted(seen)))
"""


def test_importing_any_module_touches_nothing() -> None:
    done = subprocess.run([sys.executable, "-B", "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
