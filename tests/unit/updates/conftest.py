"""Keys that sign releases."""

import subprocess
from pathlib import Path

import pytest
from tests.unit.updates.signed_archive import make


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "other"):
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name)
        subprocess.run(command, check=True, capture_output=True)
    public = (folder / "ours.pub").read_text()
    (folder / "signers").write_text(f'# ours\nrelease namespaces="pioreactor-release" {public}')
    return folder


@pytest.fixture
def archive(tmp_path: Path, keys: Path) -> Path:
    return make(tmp_path, keys / "ours")
