"""Commands that were typed on the leader's machine, kept in a file until the audit trail takes them in.

Writing a line costs a start of `pio` nothing, where opening the database would double it.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.audit.redaction import SECRET_FIELDS
from pioreactor.private_files import locked_folder, write_atomically
from pioreactor.structs.audit import AuditedChange

_FILE: Final = "commands.jsonl"
_TAKEN: Final = "taken.jsonl"
_MAX_LINE_BYTES: Final = 4000
"""A line that is appended at once is not mixed with that of another process."""
_SECRET_OPTIONS: Final = SECRET_FIELDS | {"url", "key", "user"}
"""Names in arguments `NAME=VALUE` whose values are secrets; others are never arguments."""
_PASSWORD_OPTIONS: Final = frozenset({"-p", "--password"})
"""Of `pio workers add`, which refuses the password that scripts for the existing software give."""


def report(folder: Path, argv: Sequence[str], *, account: str, status: int | None, sent_at: str) -> None:
    """Append a command with its exit status, None for one that begins; do nothing where the folder is missing.

    A command must not fail because it cannot be recorded: errors of the disk are ignored.
    """
    kept = [_printable(_without_secret(each, before))[:200] for before, each in zip(("", *argv), argv, strict=False)]
    line = {"argv": kept[:40], "account": account, "at": sent_at}
    text = msgspec.json.encode({**line, "status": status})
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
        file.write(line)
    return True


def take_in(folder: Path, append: Callable[[AuditedChange], object]) -> None:
    """Append what was reported to the audit trail; what cannot be stored stays for the next time.

    Raises what `append` raises, and `OSError`.
    """
    if not (folder / _FILE).exists() and not (folder / _TAKEN).exists():
        return
    with locked_folder(folder):
        taken = folder / _TAKEN
        if not taken.exists():
            (folder / _FILE).rename(taken)
        with taken.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # a command that had opened it before has written its line
            lines = file.read().splitlines()
        for place, line in enumerate(lines):
            try:
                append(_change_of(line))
            except BaseException:
                # All at once: on a full disk a command is recorded twice rather than lost.
                write_atomically(taken, b"\n".join(lines[place:]))
                raise
        taken.unlink()


def _change_of(line: bytes) -> AuditedChange:
    """Return the change of a line; one that is damaged is recorded as it is."""
    try:
        found = msgspec.json.decode(line)
        argv, account, at, status = found["argv"], str(found["account"]), str(found["at"]), found["status"]
        text = " ".join(str(each) for each in argv)
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        text, account, at, status = line.decode("utf-8", "replace")[:200], "", None, 1
    return AuditedChange(
        actor_kind="account",
        actor=account,
        action="command",
        summary=f"pio {text}"[:300],
        outcome="failed" if status else "done",
        sent_at=at,
    )


def _printable(text: str) -> str:
    """Return an argument as it can be encoded; the operating system passes on bytes that are no text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _without_secret(argument: str, before: str) -> str:
    """Return an argument as it is kept; `before` is the one in front of it."""
    if before in _PASSWORD_OPTIONS and not argument.startswith("-"):
        return "***"
    name, is_pair, _ = argument.partition("=")
    return f"{name}=***" if is_pair and name.lstrip("-").lower() in _SECRET_OPTIONS else argument
