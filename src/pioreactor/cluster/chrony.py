"""Files of chrony, with which the leader serves the time and workers follow it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from pioreactor.private_files import write_atomically
from pioreactor.storage.paths import Paths

FILE_NAME: Final = "pioreactor.conf"
SYSTEM_FOLDER: Final = Path("/etc/chrony/conf.d")
_OWN_NAME: Final = "chrony.conf"
_OWN_PATH: Final = f"~/.pioreactor/{_OWN_NAME}"


def leader_text() -> str:
    """Return the file of a leader: it serves its time, also without a time server of its own."""
    return (
        "# Written by `pio cluster init`: this leader serves the time to its workers.\n"
        "allow\n"
        "# Without internet its own clock counts; a worker prefers a server of a lower stratum.\n"
        "local stratum 10\n"
    )


def worker_text(leader: str) -> str:
    """Return the file of a worker that follows the clock of its leader, a host name or an address."""
    return f"# Written by `pio cluster join`: the time of this worker is its leader's.\nserver {leader} iburst prefer\n"


def write(paths: Paths, text: str, *, is_simulated: bool = False, folder: Path = SYSTEM_FOLDER) -> str | None:
    """Write the file, into the system's folder too; return what a person has to do if that is not possible.

    The clock of a computer that only simulates a reactor is left alone.
    """
    if is_simulated:
        return None
    own = paths.dot_pioreactor / _OWN_NAME
    own.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(own, text)
    if not folder.is_dir():
        return (
            "The clocks of the cluster are not kept together yet: chrony is not installed. "
            f"sudo apt install chrony && {_install_command(own, folder)}"
        )
    target = folder / FILE_NAME
    if target.exists() and target.read_text(encoding="utf-8", errors="replace") == text:
        return None
    if not os.access(target if target.exists() else folder, os.W_OK):
        return f"The clocks of the cluster are not kept together yet: {_install_command(own, folder)}"
    target.write_text(text, encoding="utf-8")
    target.chmod(0o644)  # chronyd is another account
    return "Restart chrony, so that it reads its new file: sudo systemctl restart chrony"


def remove(paths: Paths, *, folder: Path = SYSTEM_FOLDER) -> str | None:
    """Remove the file of a unit that leaves its cluster; return what a person has to do if that is not possible."""
    own, target = paths.dot_pioreactor / _OWN_NAME, folder / FILE_NAME
    if not own.exists() or not target.exists():
        own.unlink(missing_ok=True)
        return None
    own.unlink()
    if not os.access(folder, os.W_OK):
        return (
            f"This unit still follows the clock of its former leader: sudo rm {target} && sudo systemctl restart chrony"
        )
    target.unlink()
    return None


def problem(*, folder: Path = SYSTEM_FOLDER) -> tuple[str, str] | None:
    """Return why this machine does not take part in keeping the time, and the remedy; None if it does."""
    if shutil.which("chronyd") is None and not folder.is_dir():
        return "chrony is not installed", f"sudo apt install chrony, then copy {_OWN_PATH} to {folder / FILE_NAME}"
    if not (folder / FILE_NAME).exists():
        return f"{folder / FILE_NAME} is missing", f"copy {_OWN_PATH} there, then restart chrony"
    return None


def _install_command(own: Path, folder: Path) -> str:
    return f"sudo install -D -m 0644 {own} {folder / FILE_NAME} && sudo systemctl restart chrony"
