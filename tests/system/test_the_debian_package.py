"""The Debian package is installed and removed cleanly, and returns from a release whose migration fails."""

import subprocess
from pathlib import Path

import build_deb
import pytest
from bench.network_cut.netns import missing_requirement
from tests.system import release_for_tests as releases

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]

SCRIPT = Path(__file__).with_name("debian_package.sh")
NAMESPACES = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_it_is_installed_survives_a_bad_release_and_is_removed(tmp_path: Path) -> None:
    fault = missing_requirement()
    assert fault is None, f"namespaces need root: {fault}"
    wheels = releases.needed_wheels(tmp_path / "wheels")
    own = releases.own_wheel(tmp_path, "99.0.0")
    deb = build_deb.build(tmp_path, wheel=own, wheels=wheels, debian=build_deb.debian_of_machine())
    key = tmp_path / "key"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key), check=True)
    (signers := tmp_path / "signers").write_text(f"release {key.with_suffix('.pub').read_text()}")
    wheel = releases.own_wheel(tmp_path, "99.1.0", releases.broken_migration())
    broken = releases.bundle(tmp_path / "release_99.1.0.zip", wheel, wheels, key)

    (beside := tmp_path / "older").mkdir()
    files = (deb, broken, signers, own, tmp_path / "wheels", releases.own_wheel(beside, "98.0.0"))

    done = subprocess.run(
        [*NAMESPACES, "bash", str(SCRIPT), *map(str, files)],
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    parts = dict(part.split("\n", 1) for part in done.stdout.split("== ")[1:])
    assert "leader1 leads a cluster now" in parts["install"]
    assert parts["version"].strip() == "99.0.0"
    assert parts["libraries"].strip() == "arro3.io psycopg"
    assert "exit code 1" in parts["broker of Debian"], "whenever its package is set up, it does not start"
    assert "Debian's broker starts again" in parts["remove"]
    refusals = ("Version 98.0.0 is older than 99.0.0", "PIOREACTOR_ALLOW_OLDER=1", "98.0.0 cannot read this database")
    assert [text for text in refusals if text not in parts["older package"]] == []
    assert parts["older wheel"].count("Error: 98.0.0 is older than 99.0.0") == 2, parts["older wheel"]
    assert parts["older wheel"].count("--allow-older") == parts["older wheel"].count("exit code 1") == 2
    assert "99.0.0+" in parts["after older"] and "install ok installed\n99.0.0" in parts["after older"]
    assert "same database" in parts["after older"], "nothing was changed"
    assert "no_such_column" in parts["update"] and "version 99.0.0 runs" in parts["update"]
    assert "exit code 1" in parts["update"]
    assert "99.0.0" in parts["after"] and "same database" in parts["after"]
    assert parts["after"].split("same database")[1].split() == [
        *("99.0.0", "current", "last_update.json", "previous", "update.lock", "update.log", "versions"),
    ]
    assert parts["left"].split() == [parts["left"].split()[0]] and "pioreactor.sqlite" in parts["left"], "only the data"
    assert "environment: /opt/pioreactor/versions/99.0.0" in parts["wheel"]
    assert "leader1 leads a cluster now" in parts["wheel"]
    assert "leader1 leads the cluster" in parts["of the wheel"] and "leader1: version 99.0.0" in parts["of the wheel"]
    assert "/opt/pioreactor/current/lib" in parts["of the wheel"], "it does not need the wheel any more"
