"""What a unit knows of its cluster, and the files that make it a member."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.cluster.certificates import TlsFiles, fingerprint, write_private
from pioreactor.cluster.pairing_protocol import Invitation, refuse_distant
from pioreactor.exc import ConflictError, StorageError
from pioreactor.identity.unit_tokens import FILE_NAME as TOKEN_FILE
from pioreactor.identity.unit_tokens import replace_token
from pioreactor.private_files import write_atomically
from pioreactor.settings.editing import check_shared, set_value
from pioreactor.storage.paths import Paths
from pioreactor.version import __version__

FILE_NAME: Final = "cluster.json"
BROKER_PASSWORD_FILE: Final = "broker_password"
SIMULATED: Final = "simulated"
MAX_CLOCK_DIFFERENCE_S: Final = 60.0


class Membership(msgspec.Struct, forbid_unknown_fields=True):
    """The cluster of a unit. `cluster` is its identifier, which no other cluster has."""

    cluster: str
    leader: str
    unit: str
    joined_at: str


def tls_files(paths: Paths) -> TlsFiles:
    """Return where a unit keeps its certificates."""
    return TlsFiles(paths.tls)


def read_membership(paths: Paths) -> Membership | None:
    """Return the cluster that a unit belongs to; None if it belongs to none."""
    path = paths.storage / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Membership)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(
            f"{path} cannot be read: {error}", remedy="Restore it from a backup, or delete it and join again."
        ) from error


def refuse_member(paths: Paths, *, unless_leader: str | None = None) -> None:
    """Raise `ConflictError` if the unit belongs to a cluster, other than that which it leads itself."""
    known = read_membership(paths)
    if known is not None and known.leader != unless_leader:
        raise ConflictError(
            f"{known.unit} belongs to the cluster of {known.leader}",
            remedy="Run `pio cluster leave` here first: a unit belongs to one cluster.",
        )


def write_membership(paths: Paths, membership: Membership) -> None:
    paths.storage.mkdir(parents=True, exist_ok=True)
    write_atomically(paths.storage / FILE_NAME, msgspec.json.encode(membership).decode() + "\n")


def make_folders(paths: Paths) -> None:
    """Make the folders of a unit."""
    paths.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (paths.storage, paths.plugins, paths.models, paths.ui, paths.experiment_profiles):
        folder.mkdir(parents=True, exist_ok=True)


def accept(paths: Paths, invitation: Invitation, *, is_simulated: bool, now: datetime) -> None:
    """Write what a leader gave. The membership comes last: a join that was cut off is no join."""
    refuse_member(paths)
    if invitation.leader_version is not None:
        refuse_distant(invitation.unit, __version__, invitation.leader_version)
    check_shared(invitation.shared_configuration)
    make_folders(paths)
    tls = tls_files(paths)
    write_private(tls.authority, invitation.authority)
    write_private(tls.certificate, invitation.certificate)
    fingerprint(tls.authority)  # raises if it is no certificate
    replace_token(paths.secrets, invitation.token)
    write_private(paths.secrets / BROKER_PASSWORD_FILE, invitation.broker_password + "\n")
    paths.dot_pioreactor.mkdir(parents=True, exist_ok=True)
    write_atomically(paths.global_config, invitation.shared_configuration)
    set_own_values(paths, invitation.unit, is_simulated=is_simulated)
    write_membership(
        paths, Membership(invitation.cluster, invitation.leader, invitation.unit, now.isoformat(timespec="seconds"))
    )


def set_own_values(paths: Paths, unit: str, *, is_simulated: bool) -> None:
    """Write what only this unit's configuration says; the rest of the file stays."""
    if not paths.local_config.exists():
        paths.local_config.write_text("", encoding="utf-8")
    set_value(paths.local_config, "mqtt", "username", unit)
    if is_simulated:
        set_value(paths.local_config, "hardware", "rig", "sim")
        (paths.storage / SIMULATED).touch()  # systemd starts the simulated reactor where this file is
        set_value(paths.local_config, "simulation", "socket", str(reactor_socket(paths)))


def reactor_socket(paths: Paths) -> Path:
    """Return the socket on which the simulated reactor of a unit is served."""
    return paths.run_pioreactor / "reactor.sock"


def forget(paths: Paths) -> Membership | None:
    """Make a unit a member of no cluster; measurements, calibrations and its own configuration stay.

    The former shared configuration is kept as `config.ini.former`. Return the former membership.
    """
    known = read_membership(paths)
    (paths.storage / FILE_NAME).unlink(missing_ok=True)
    for name in (TOKEN_FILE, BROKER_PASSWORD_FILE):
        (paths.secrets / name).unlink(missing_ok=True)
    shutil.rmtree(tls_files(paths).folder, ignore_errors=True)
    if paths.global_config.exists():
        paths.global_config.replace(paths.global_config.with_name(paths.global_config.name + ".former"))
    return known
