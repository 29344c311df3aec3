"""USB drives are found, mounted and ejected; a drive that is removed while it is written has no half file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.identity import usb_drives
from pioreactor.identity.usb_drives import UsbDrives, copy_whole


class FakeComputer:
    """Answers lsblk, mount and umount as a computer with these drives; a mounted drive is a folder."""

    def __init__(self, folder: Path, *filesystems: str, readonly: bool = False) -> None:
        self.mounted: dict[str, str] = {}
        self.filesystems = filesystems
        self.readonly = readonly
        self.asked: list[Sequence[str]] = []
        self.drives = UsbDrives(folder / "usb", self, is_root=True)

    def __call__(self, argv: Sequence[str]) -> str:
        self.asked.append(argv)
        match argv[0]:
            case "mount":
                self.mounted[argv[-2]] = argv[-1]
            case "umount":
                del self.mounted[argv[-1]]
            case "udisksctl":
                self.mounted[argv[-1]] = str(self.drives.root.parent / "media")
        return json.dumps({"blockdevices": [
            {"name": "mmcblk0", "path": "/dev/mmcblk0", "type": "disk", "tran": None, "fstype": "ext4"},
            *({"name": f"sd{n}", "path": f"/dev/sd{n}", "type": "disk", "tran": "usb", "children": [
                {"name": f"sd{n}1", "path": f"/dev/sd{n}1", "type": "part", "fstype": kind, "label": None,
                 "size": "16000000000", "ro": self.readonly, "mountpoint": self.mounted.get(f"/dev/sd{n}1")},
            ]} for n, kind in zip("abc", self.filesystems, strict=False)),
        ]})  # fmt: skip


@pytest.mark.parametrize(
    ("filesystems", "status"),
    [
        ((), "absent"),
        (("vfat",), "present_unmounted"),
        (("ntfs",), "unsupported"),
        (("ext4", "exfat"), "multiple_present"),
    ],
)
def test_drives_are_told_apart(tmp_path: Path, filesystems: tuple[str, ...], status: str) -> None:
    assert FakeComputer(tmp_path, *filesystems).drives.state().status == status


def test_a_drive_is_mounted_searched_and_ejected(tmp_path: Path) -> None:
    computer = FakeComputer(tmp_path, "vfat")
    drives = computer.drives
    mounted = drives.mount()
    assert drives.state().status == "mounted"
    assert tuple(computer.asked[1][:-1]) == ("mount", "-o", "rw,nosuid,nodev,noexec", "/dev/sda1")
    folder = Path(str(mounted.path))
    assert drives.mounted() == [folder]
    (folder / "pioreactor" / "plugins").mkdir(parents=True)
    for name in ("a.py", "pioreactor/plugins/b.whl", "release_27.zip", "photo.jpg", "other.zip"):
        (folder / name).write_text("x")
    (folder / "link.py").symlink_to("/etc/passwd")
    found = [(each.filepath, each.kind) for each in drives.artifacts()]
    assert found == [("a.py", "plugin"), ("release_27.zip", "release"), ("pioreactor/plugins/b.whl", "plugin")]
    drives.eject("/dev/sda1")
    assert drives.mount is not None
    assert computer.mounted == {}


def test_what_cannot_be_chosen_or_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        FakeComputer(tmp_path).drives.mount()
    with pytest.raises(ConflictError, match="several"):
        FakeComputer(tmp_path, "vfat", "vfat").drives.mount()
    with pytest.raises(ConflictError, match="ntfs"):
        FakeComputer(tmp_path, "ntfs").drives.mount()
    with pytest.raises(NotFoundError):
        FakeComputer(tmp_path, "vfat").drives.mount("/dev/sda9")
    read_only = FakeComputer(tmp_path, "vfat", readonly=True)
    read_only.drives.mount()
    assert read_only.drives.state().status == "mounted_readonly"


def test_a_service_that_may_not_mount_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computer = FakeComputer(tmp_path, "vfat")

    def run(argv: Sequence[str]) -> str:
        return computer(argv) if argv[0] == "lsblk" else usb_drives.run_command(argv)

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="udisksctl is not installed") as raised:
        UsbDrives(tmp_path / "usb", run, is_root=False).mount()
    assert "apt install udisks2" in str(raised.value.remedy)
    assert "pioreactor.install machine" in str(raised.value.remedy)


def test_what_lsblk_says_is_not_trusted(tmp_path: Path) -> None:
    drives = UsbDrives(tmp_path, lambda _: "no JSON", is_root=True)
    assert drives.state().status == "error"
    listing = '{"blockdevices": [{"path": "/dev/../etc", "tran": "usb", "fstype": "vfat"}]}'
    assert UsbDrives(tmp_path, lambda _: listing, is_root=True).state().status == "absent"


def test_a_folder_stands_for_a_drive_on_a_simulated_unit(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    drives = UsbDrives(tmp_path, FakeComputer(tmp_path / "x"), is_root=True)
    assert drives.state().status == "mounted"
    assert drives.mount().path == str(tmp_path / "stick")
    assert drives.eject().path is None


@pytest.mark.parametrize("moment", ["first", "later", "flush"])
def test_a_drive_removed_while_it_is_written_has_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    source, target = tmp_path / "whole.zip", tmp_path / "usb" / "export.zip"
    source.write_bytes(b"x" * 100_000)
    real = usb_drives._copy

    def removed(read: IO[bytes], written: IO[bytes]) -> None:
        if moment == "later":
            written.write(read.read(50_000))
        elif moment == "flush":
            real(read, written)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(usb_drives, "_copy", removed)
    with pytest.raises(StorageError, match="Input/output"):
        copy_whole(source, target)
    assert list(target.parent.iterdir()) == []
    monkeypatch.setattr(usb_drives, "_copy", lambda read, written: written.write(b"short"))
    with pytest.raises(StorageError, match="whole"):
        copy_whole(source, target)
    monkeypatch.setattr(usb_drives, "_copy", real)
    assert copy_whole(source, target).read_bytes() == source.read_bytes()


def test_a_drive_that_is_full_is_noticed_before(tmp_path: Path, monkeypatch: Any) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(b"x" * 100)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(StorageError, match="MB free"):
        copy_whole(source, tmp_path / "usb" / "a.zip")
    assert list((tmp_path / "usb").iterdir()) == []


def test_the_folder_of_a_drive_that_was_pulled_out_is_no_drive(tmp_path: Path) -> None:
    """What is written there would be on the disk of the machine."""
    (tmp_path / "sda1").mkdir()
    (tmp_path / "sda1" / "left.zip").write_bytes(b"x")
    drives = UsbDrives(tmp_path, lambda _: '{"blockdevices": []}', is_root=True)
    assert drives.state().status == "absent"
    (tmp_path / "stick").mkdir()
    assert [drive.device for drive in drives.drives()] == ["stick"]
