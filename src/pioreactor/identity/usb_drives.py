"""USB drives of this computer: found by lsblk, mounted by mount or udisksctl, written so that no half file stays."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.processes.system_command import SystemCommandError, run_system_command

Status = Literal[
    "absent", "present_unmounted", "mounted", "mounted_readonly", "multiple_present", "unsupported", "error"
]
Run = Callable[[Sequence[str]], str]
FILESYSTEMS: Final = ("exfat", "vfat", "ext4")
MOUNT_OPTIONS: Final = "nosuid,nodev,noexec"
_LSBLK: Final = (*("lsblk", "--json", "--bytes", "--output", "NAME,PATH,TYPE,TRAN,FSTYPE,LABEL,SIZE,RO,MOUNTPOINT"),)
_DEVICE: Final = re.compile(r"(?:sd[a-z]|nvme|mmcblk)[a-z0-9]*")
"""Names of devices, which are those of the folders that drives are mounted on."""
_REMEDIES: Final[Mapping[str, str]] = {
    "udisksctl": f"If it is not installed: sudo apt install udisks2. If it was not authorized: {POLKIT_REMEDY}",
}
_TIMEOUT_S: Final = 30.0
_CHUNK: Final = 1024**2
_MAX_ARTIFACTS: Final = 500


class UsbDrive(msgspec.Struct):
    """A file system on a USB drive; `path` is where it is mounted, None where it is not."""

    device: str
    label: str
    filesystem: str
    size_bytes: int
    path: str | None
    is_readonly: bool = False
    free_bytes: int | None = None

    @property
    def is_supported(self) -> bool:
        return self.filesystem in FILESYSTEMS


class UsbState(msgspec.Struct):
    """What is plugged in, in one word and in detail."""

    status: Status
    drives: list[UsbDrive]
    message: str = ""


class UsbArtifact(msgspec.Struct):
    """A file that can be installed; `filepath` is relative to its drive."""

    filepath: str
    kind: Literal["release", "plugin"]
    size_bytes: int
    device: str


class _Block(msgspec.Struct):
    path: str = ""
    name: str = ""
    type: str = ""
    tran: str | None = None
    fstype: str | None = None
    label: str | None = None
    size: int | None = None
    ro: bool = False
    mountpoint: str | None = None
    children: list[_Block] = []


class _Listing(msgspec.Struct):
    blockdevices: list[_Block] = []


def run_command(argv: Sequence[str]) -> str:
    """Run a command and return its output; raise `StorageError` with what it says if it fails."""
    try:
        return run_system_command(argv, timeout_s=_TIMEOUT_S)
    except SystemCommandError as error:
        raise StorageError(f"{argv[0]} failed: {error}", remedy=_REMEDIES.get(argv[0])) from error


@dataclass(frozen=True)
class UsbDrives:
    """The USB drives of this computer; `root` is the folder below which they are mounted.

    A folder below `root` that no device is mounted at counts as a drive as well: a unit that is simulated has no other.
    """

    root: Path
    run: Run = run_command
    is_root: bool = os.geteuid() == 0

    def state(self) -> UsbState:
        """Return what is plugged in."""
        try:
            drives = self.drives()
        except (StorageError, msgspec.MsgspecError) as error:
            return UsbState("error", [], str(error))
        if not drives:
            return UsbState("absent", [])
        usable = [drive for drive in drives if drive.is_supported]
        if not usable:
            names = ", ".join(sorted({drive.filesystem or "none" for drive in drives}))
            return UsbState("unsupported", drives, f"File system {names}; {', '.join(FILESYSTEMS)} can be used.")
        if len(usable) > 1:
            return UsbState("multiple_present", drives, "Name the device.")
        [drive] = usable
        if drive.path is None:
            return UsbState("present_unmounted", drives)
        return UsbState("mounted_readonly" if drive.is_readonly else "mounted", drives)

    def drives(self) -> list[UsbDrive]:
        """Return the file systems on USB drives; raise `StorageError`."""
        found = [_described(block) for block in self._blocks()]
        mounted = {drive.path for drive in found}
        for folder in self._folders():
            if str(folder) not in mounted and (_has_files(folder) or not found):
                usage = shutil.disk_usage(folder)
                writable = os.access(folder, os.W_OK)
                found.append(
                    UsbDrive(folder.name, folder.name, "ext4", usage.total, str(folder), not writable, usage.free)
                )
        return found

    def mounted(self) -> list[Path]:
        """Return the folders of the drives that are mounted, wherever that is; none if drives cannot be listed."""
        return [Path(drive.path) for drive in self.state().drives if drive.path is not None]

    def _folders(self) -> list[Path]:
        """Return the folders that stand for drives: not one that a drive which was pulled out was mounted on."""
        found = sorted(self.root.glob("*")) if self.root.is_dir() else []
        return [path for path in found if path.is_dir() and (path.is_mount() or not _DEVICE.fullmatch(path.name))]

    def mount(self, device: str | None = None) -> UsbDrive:
        """Mount a drive, the only one unless `device` is given, and return it with its path."""
        drive = self._chosen(device)
        if drive.path is not None:
            return drive
        if not drive.is_supported:
            raise ConflictError(f"{drive.device} has the file system {drive.filesystem or 'none'}")
        if self.is_root:
            folder = self.root / drive.device.rsplit("/", 1)[-1]
            folder.mkdir(parents=True, exist_ok=True)
            self.run(["mount", "-o", f"rw,{MOUNT_OPTIONS}", drive.device, str(folder)])
        else:
            self.run(["udisksctl", "mount", "--no-user-interaction", "-o", MOUNT_OPTIONS, "-b", drive.device])
        mounted = self._chosen(drive.device)
        if mounted.path is None:
            raise StorageError(f"{drive.device} was not mounted")
        return mounted

    def eject(self, device: str | None = None) -> UsbDrive:
        """Write everything out and unmount a drive, the only one unless `device` is given."""
        drive = self._chosen(device)
        if drive.path is None:
            return drive
        if not drive.device.startswith("/"):
            os.sync()  # a folder that stands for a drive
        elif self.is_root:
            self.run(["umount", drive.device])
            with suppress(OSError):
                Path(drive.path).rmdir()
        else:
            self.run(["udisksctl", "unmount", "--no-user-interaction", "-b", drive.device])
        return msgspec.structs.replace(drive, path=None, free_bytes=None)

    def artifacts(self) -> list[UsbArtifact]:
        """Return what can be installed from the mounted drives: in their root and in `pioreactor/plugins`."""
        found = []
        for drive in self.drives():
            for folder in ("", "pioreactor/plugins") if drive.path is not None else ():
                found += list(_artifacts(Path(str(drive.path)), folder, drive.device))
        return found[:_MAX_ARTIFACTS]

    def _chosen(self, device: str | None) -> UsbDrive:
        drives = self.drives()
        if device is not None:
            drives = [drive for drive in drives if drive.device == device]
        if not drives:
            raise NotFoundError("there is no USB drive" if device is None else f"there is no USB drive {device[:100]}")
        if len(drives) > 1:
            names = ", ".join(drive.device for drive in drives)
            raise ConflictError(f"there are several USB drives: {names}", remedy="Name the device.")
        return drives[0]

    def _blocks(self) -> Iterator[_Block]:
        if shutil.which(_LSBLK[0]) is None and self.run is run_command:
            return
        listing = msgspec.json.decode(self.run(_LSBLK), type=_Listing, strict=False)
        for block in listing.blockdevices:
            if block.tran == "usb":
                parts = block.children if block.children else [block]
                yield from (part for part in parts if _is_device(part.path))


def _has_files(folder: Path) -> bool:
    """Tell whether a folder has files; one that cannot be read, as of a drive that was pulled out, has none."""
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _is_device(path: str) -> bool:
    return path.startswith("/dev/") and path.isascii() and ".." not in path


def copy_whole(source: Path, target: Path) -> Path:
    """Copy a file to a drive under a name that it gets when it is complete and written out.

    Raise `StorageError` when there is no room, or the drive was removed; nothing under that name is left then.
    """
    unfinished = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(target.parent).free, source.stat().st_size
        if free < needed:
            raise StorageError(f"the drive has {free / 1e6:.0f} MB free; {needed / 1e6:.0f} MB are needed")
        with source.open("rb") as read, unfinished.open("wb") as written:
            _copy(read, written)
        if unfinished.stat().st_size != needed:
            raise StorageError(f"{target.name} was not written whole")
        unfinished.replace(target)
    except OSError as error:
        raise StorageError(
            f"{target.name} could not be written to the drive: {error.strerror}",
            remedy="Was it removed? Plug it in again, and repeat.",
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return target


def _copy(read: IO[bytes], written: IO[bytes]) -> None:
    while chunk := read.read(_CHUNK):
        written.write(chunk)
    written.flush()
    os.fsync(written.fileno())


def _described(block: _Block) -> UsbDrive:
    free = None
    if block.mountpoint is not None:
        with suppress(OSError):
            free = shutil.disk_usage(block.mountpoint).free
    return UsbDrive(
        block.path,
        block.label or "",
        block.fstype or "",
        block.size if block.size is not None else 0,
        block.mountpoint,
        block.ro,
        free,
    )


def _artifacts(root: Path, folder: str, device: str) -> Iterator[UsbArtifact]:
    below = root / folder if folder else root
    for file in sorted(below.glob("*")) if below.is_dir() else []:
        is_release = file.suffix == ".zip" and file.name.startswith("release_")
        if file.is_file() and not file.is_symlink() and (is_release or file.suffix in (".whl", ".py")):
            name = str(file.relative_to(root))
            yield UsbArtifact(name, "release" if is_release else "plugin", file.stat().st_size, device)
