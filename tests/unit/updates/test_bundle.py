"""Release archives: only what a known signer has signed is unpacked."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import build_deb
import build_wheel
import pytest
from tests.unit.updates.signed_archive import make

from pioreactor.bootstrap import build_runtime
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, PioreactorError
from pioreactor.identity.computer import Computer
from pioreactor.identity.usb_drives import UsbDrives
from pioreactor.storage.paths import Paths
from pioreactor.updates.archives import Archives
from pioreactor.updates.bundle import MANIFEST, SIGNATURE, Bundle, WheelFile
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.firmware import FirmwareUpdate
from pioreactor.updates.signature import Signers
from pioreactor.updates.unit_update import UnitUpdate
from pioreactor.updates.version_order import is_newer, order_of


def changed(archive: Path, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> Path:
    """Return a copy of an archive with other content; None drops a file."""
    target = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return target


def test_a_signed_archive_is_unpacked(archive: Path, keys: Path, tmp_path: Path) -> None:
    bundle = Bundle(archive, Signers((keys / "signers",)))
    assert bundle.verify().notes == "Faster."
    (into := tmp_path / "into").mkdir()
    assert bundle.unpack(into).version == "27.1.0"
    assert {path.name for path in into.iterdir()} == {"pioreactor-27.1.0-py3-none-any.whl", "click-8-py3-none-any.whl"}


def test_the_signature_of_another_is_refused(tmp_path: Path, keys: Path) -> None:
    with pytest.raises(UpdateRefusedError, match="known signer"):
        Bundle(make(tmp_path, keys / "other"), Signers((keys / "signers",))).verify()
    with pytest.raises(UpdateRefusedError, match="no key is known"):
        Bundle(make(tmp_path, keys / "ours"), Signers((tmp_path / "nothing",))).verify()


@pytest.mark.parametrize(
    "change",
    [
        lambda name, content: content.replace(b"27.1.0", b"27.9.0") if name == MANIFEST else content,
        lambda name, content: content[:-1] + b"x" if name.endswith("click-8-py3-none-any.whl") else content,
        lambda name, content: None if name == SIGNATURE else content,
        lambda name, content: None if name == MANIFEST else content,
        lambda name, content: None if name.startswith("wheels/pioreactor") else content,
        lambda name, content: b"" if name == SIGNATURE else content,
    ],
    ids=["another version", "another wheel", "no signature", "no manifest", "a wheel is missing", "empty signature"],
)
def test_what_was_changed_after_signing_is_refused(
    archive: Path, keys: Path, change: Callable[[str, bytes], bytes | None]
) -> None:
    with pytest.raises(UpdateRefusedError):
        Bundle(changed(archive, change), Signers((keys / "signers",))).verify()


def test_files_that_were_not_signed_are_not_unpacked(archive: Path, keys: Path, tmp_path: Path) -> None:
    more = {"wheels/evil-1-py3-none-any.whl": b"evil", "../evil": b"evil"}
    (into := tmp_path / "into").mkdir()
    Bundle(changed(archive, lambda _, content: content, more), Signers((keys / "signers",))).unpack(into)
    assert "evil" not in " ".join(path.name for path in (*into.iterdir(), *tmp_path.iterdir()))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive", bytes(1000)])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "release_1.zip").write_bytes(content)
    with pytest.raises(UpdateRefusedError, match="not a release archive"):
        Bundle(path).verify()


def test_an_archive_is_found_on_a_drive_wherever_that_is_mounted(
    archive: Path, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The services mount drives by udisks2, which chooses the folder."""
    archives = Archives(Paths.below(tmp_path / "unit"), Signers((keys / "signers",)))
    with pytest.raises(NotFoundError):
        archives.located(str(archive))
    monkeypatch.setattr(UsbDrives, "mounted", lambda _: [archive.parent])
    [found] = archives.found()
    assert (found.path, found.is_on_usb, found.has_firmware) == (str(archive), True, True)
    assert archives.located(found.path) == archive


def test_an_archive_is_sent_in_parts_and_checked(archive: Path, keys: Path, tmp_path: Path) -> None:
    archives = Archives(Paths.below(tmp_path / "unit"), Signers((keys / "signers",)))
    content = archive.read_bytes()
    for offset in range(0, len(content), 1000):
        archives.add_part(archive.name, offset, content[offset : offset + 1000])
    assert archives.found() == [], "it does not count before it was checked"
    assert archives.finish(archive.name).version == "27.1.0"
    assert archives.next_after("27.0.0").name == "release_27.1.0.zip"
    with pytest.raises(PioreactorError, match=r"no release after 27\.1\.0"):
        archives.next_after("27.1.0")
    archives.add_part(archive.name, 0, content[:-7] + b"changed")
    with pytest.raises(PioreactorError):
        archives.finish(archive.name)
    assert [path.name for path in archives.folder.iterdir()] == ["release_27.1.0.zip"]
    for name in ("../release_1.zip", "release_1.zip/..", "other.zip"):
        with pytest.raises(InvalidRequestError):
            archives.add_part(name, 0, b"")
    with pytest.raises(PioreactorError):
        archives.located("../../../etc/passwd")


def test_a_wheel_brings_those_beside_it(tmp_path: Path) -> None:
    for name in (
        "pioreactor-27.1.0-py3-none-any.whl",
        "pioreactor-26.0.0-py3-none-any.whl",
        "click-8-py3-none-any.whl",
    ):
        (tmp_path / name).write_bytes(b"wheel")
    (into := tmp_path / "into").mkdir()
    release = WheelFile(tmp_path / "pioreactor-27.1.0-py3-none-any.whl").unpack(into)
    assert release.version == "27.1.0" and release.digest
    assert "pioreactor-26.0.0-py3-none-any.whl" not in {path.name for path in into.iterdir()}


def test_the_order_of_versions() -> None:
    ordered = [
        "1.0.dev1",
        "1.0a1.dev1",
        "1.0a1",
        "1.0b1",
        "1.0rc1",
        "1.0",
        "1.0.post1",
        "1.0.1",
        "1.2",
        "1.10",
        "27.0.0",
    ]
    assert sorted(ordered, key=order_of) == ordered
    assert not is_newer("1.0.0", "1.0")
    for text in ("", "../1", "1.0/2", "v1", "1..0"):
        with pytest.raises(InvalidRequestError):
            order_of(text)


def test_an_incomplete_wheel_is_not_released(tmp_path: Path) -> None:
    wheel = tmp_path / "pioreactor-27.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for part in build_wheel.PARTS[1:]:
            archive.writestr(f"pioreactor/{part}file" if part.endswith("/") else f"pioreactor/{part}", "")
    assert build_wheel.missing_parts(wheel) == ["web/static/index.html"]


def test_versions_sort_in_debian_as_here() -> None:
    assert build_deb.debian_version("27.1.0") == "27.1.0"
    assert build_deb.debian_version("27.1.0.dev2") == "27.1.0~dev2"
    assert build_deb.debian_version("27.1.0rc1") == "27.1.0~rc1"


def test_a_debian_package_runs_on_the_python_of_its_debian(tmp_path: Path) -> None:
    assert build_deb.lay_out(tmp_path, build_deb.PYTHONS["13"]) == tmp_path / "lib" / "python3.13" / "site-packages"
    assert (tmp_path / "bin" / "python").readlink() == Path("/usr/bin/python3.13")
    assert "home = /usr/bin\n" in (tmp_path / "pyvenv.cfg").read_text()


def test_what_another_python_requires_and_is_not_there_is_named(tmp_path: Path) -> None:
    needs = {
        "pioreactor": ('one; extra == "leader"', 'never; extra == "rpi"'),
        "one": ('new; python_version >= "3.13"', 'old; python_version < "3.13"', "Pio_Reactor", 'win; os_name == "nt"'),
        "pio-reactor": (),
    }
    for name, lines in needs.items():
        (info := tmp_path / f"{name.replace('-', '_')}-1.dist-info").mkdir()
        text = "".join(f"Requires-Dist: {line}\n" for line in lines)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{text}", encoding="utf-8")
    assert [build_deb.unmet(tmp_path, python) for python in ("3.11", "3.13")] == [["old"], ["new"]]


def test_signatures_are_verified_once_for_each_content_of_a_file(
    tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signers = tmp_path / "signers"
    signers.write_text((keys / "signers").read_text())
    archives = Archives(Paths.below(tmp_path / "unit"), Signers((signers,)))
    archives.folder.mkdir(parents=True)
    for number, key in enumerate(("ours", "ours", "other")):
        make(archives.folder, keys / key, f"27.{number}.0")
    verified: list[bytes] = []
    verify = Signers.verify

    def count(signers: Signers, content: bytes, signature: bytes) -> None:
        verified.append(content)
        verify(signers, content, signature)

    monkeypatch.setattr(Signers, "verify", count)

    def found() -> list[str]:
        verified.clear()
        return [archive.version for archive in archives.found()]

    assert (found(), len(verified)) == (["27.0.0", "27.1.0"], 3)
    assert (found(), len(verified)) == (["27.0.0", "27.1.0"], 0)
    make(archives.folder, keys / "other", "27.1.0")
    assert (found(), len(verified)) == (["27.0.0"], 1)
    signers.write_text("# none is known any more\n")
    assert found() == []


def test_firmware_is_written_from_a_genuine_release_only(tmp_path: Path, keys: Path) -> None:
    places = {"DOT_PIOREACTOR": str(tmp_path), "RUN_PIOREACTOR": str(tmp_path)}
    runtime = build_runtime({**places, "HOSTNAME": "unit1"}, asks_leader=False)
    signers = Signers((keys / "signers",))
    trusting = _Trusting(runtime, {"HARDWARE": "1.2"}, None, signers)
    written: list[tuple[str, bytes]] = []

    def run(command: Sequence[str]) -> str:
        file = Path(command[-1].split()[1])
        written.append((command[0], file.read_bytes()))
        return ""

    archive = make(tmp_path, keys / "ours")
    simulated = replace(runtime, computer=Computer(belongs_to_reactor=False))
    for other, reason in ((runtime, "no HAT was found"), (simulated, "is simulated")):
        with pytest.raises(ConflictError, match=reason):
            FirmwareUpdate(_Trusting(other, {}, None, signers), run).install(archive)
    done = FirmwareUpdate(trusting, run).install(archive)
    assert (done.version, [name for name, _ in written]) == ("27.1.0", ["openocd"])
    assert written[0][1] == (tmp_path / "click-8-py3-none-any.whl").read_bytes()
    with pytest.raises(UpdateRefusedError):
        FirmwareUpdate(trusting, run).install(make(tmp_path, keys / "other"))
    assert len(written) == 1
    if shutil.which("openocd") is None:
        with pytest.raises(ConflictError, match="openocd") as refused:
            FirmwareUpdate(trusting).install(make(tmp_path, keys / "ours"))
        assert refused.value.remedy is not None
    runtime.stores.jobs().register(
        unit="unit1", experiment="e", job_name="stirring", job_source="user", pid=os.getpid(), leader="unit1",
        is_long_running=True, exclusive=False, started_at="2026-03-01T00:00:00.000Z",
    )  # fmt: skip
    with pytest.raises(UpdateRefusedError, match="stirring"):
        FirmwareUpdate(trusting, run).install(archive)
    runtime.stores.close()


@dataclass(frozen=True)
class _Trusting(UnitUpdate):
    """Updates of a unit that trusts the keys of these tests."""

    signers: Signers = field(default_factory=Signers)

    @property
    def archives(self) -> Archives:
        return Archives(self.runtime.paths, self.signers)
