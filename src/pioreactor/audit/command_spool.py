"""Commands that were typed on a unit's machine, kept in a file until the audit trail of the leader takes them in.

Writing a line costs a start of `pio` nothing, where opening the database would double it; a worker's server sends the
lines to the leader, and keeps them while that is away.
"""

import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.audit.redaction import as_text, kept_arguments
from pioreactor.exc import PioreactorError
from pioreactor.private_files import locked_folder, write_atomically
from pioreactor.structs.audit import MAX_ACCOUNT, MAX_COMMAND, TypedCommand

log = logging.getLogger(__name__)

_FILE: Final = "commands.jsonl"
_TAKEN: Final = "taken.jsonl"
_MAX_LINE_BYTES: Final = 4000
"""A line that is appended at once is not mixed with that of another process."""
MAX_FILE_BYTES: Final = 8_000_000
"""Some 50,000 commands. What is typed beyond is not recorded, which the last entry then says."""
AT_ONCE: Final = 200
"""Commands that are stored or sent together."""
_POLL_S: Final = 5.0
_MAX_RETRY_S: Final = 120.0


def report(
    folder: Path, argv: Sequence[str], *, account: str, status: int | None, sent_at: str, reason: str | None = None
) -> None:
    """Append a command with its exit status, None for one that begins; do nothing where the folder is missing.

    A command must not fail because it cannot be recorded: errors of the disk are ignored.
    """
    why = None if reason is None else as_text(reason)
    line = {"id": os.urandom(8).hex(), "argv": kept_arguments(argv), "account": account, "at": sent_at}
    text = msgspec.json.encode({**line, "status": status, "reason": why})
    with suppress(OSError):
        while not _append(folder / _FILE, text[:_MAX_LINE_BYTES] + b"\n"):
            pass  # it was taken in meanwhile: the line goes into a new file


def _append(path: Path, line: bytes) -> bool:
    """Append a line; return False when the file was taken away before it could be locked."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o660)
    with os.fdopen(descriptor, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            is_still_there = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            is_still_there = False
        if not is_still_there:
            return False
        if os.fstat(descriptor).st_size < MAX_FILE_BYTES:
            file.write(line)
    return True


def take_in(folder: Path, store: Callable[[Sequence[TypedCommand]], object], *, at_once: int = AT_ONCE) -> None:
    """Give what was reported to `store`, in parts; what it refuses by an exception stays for the next time.

    `store` may be given a command twice, when a process was killed in between: commands have ids. Raises what `store`
    raises, and `OSError`.
    """
    if not (folder / _FILE).exists() and not (folder / _TAKEN).exists():
        return
    with locked_folder(folder):
        taken = folder / _TAKEN
        if not taken.exists():
            (folder / _FILE).rename(taken)
        with taken.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # a command that had opened it before has written its line
            content = file.read()
        lines = content.splitlines()
        commands = [_command_of(line) for line in lines]
        if len(content) >= MAX_FILE_BYTES:
            text = f"commands after {commands[-1].at} are missing: {MAX_FILE_BYTES} bytes of them waited already"
            commands.append(TypedCommand(id=f"{commands[-1].id}-full", text=text))
        for place in range(0, len(commands), at_once):
            try:
                store(commands[place : place + at_once])
            except BaseException:
                # All at once: on a full disk a command is given again rather than lost.
                if place > 0:
                    write_atomically(taken, b"\n".join(lines[place:]))
                raise
        taken.unlink()


class CommandDelivery:
    """Sends the commands that were typed on a worker to its leader, until it has them."""

    def __init__(self, folder: Path, send: Callable[[Sequence[TypedCommand]], object]) -> None:
        """`send` raises `PioreactorError` while the leader is away. The folder is made here: commands report to it."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o770)
        self._folder = folder
        self._send = send

    def run(self, pause: Callable[[float], bool]) -> None:
        """Look every 5 s, and less often while that fails, until `pause` returns True."""
        delay_s = _POLL_S
        while not pause(delay_s):
            try:
                take_in(self._folder, self._send)
                delay_s = _POLL_S
            except (PioreactorError, OSError) as error:
                log.debug("Commands wait to be sent to the leader: %s.", error)
                delay_s = min(2 * delay_s, _MAX_RETRY_S)


def _command_of(line: bytes) -> TypedCommand:
    """Return the command of a line; one that is damaged is recorded as it is."""
    try:
        found = msgspec.json.decode(line)
        text = " ".join(["pio", *(str(each) for each in found["argv"])])
        account, text = str(found["account"])[:MAX_ACCOUNT], text[:MAX_COMMAND]
        return msgspec.convert({**found, "account": account, "text": text}, TypedCommand)
    except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, RecursionError):
        return TypedCommand(text=f"pio {line.decode('utf-8', 'replace')[:200]}", status=1)
