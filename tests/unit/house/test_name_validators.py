"""Every check of a name refuses what only begins with one: a newline behind it would end up in a file, topic or log."""

import ast
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from pioreactor.alarms.channels import Channel
from pioreactor.alarms.condition_types import Limit, UnitSilent
from pioreactor.alarms.condition_types import check as check_condition
from pioreactor.alarms.rules import AlarmRule
from pioreactor.cluster.backup_replication import BackupCopies
from pioreactor.cluster.broker_bridges import check_bench_name
from pioreactor.cluster.pairing_client import split_address
from pioreactor.cluster.pairing_protocol import Confirmation
from pioreactor.cluster.ssh_account import SshAccount
from pioreactor.devices.ownership import FileLockOwnership
from pioreactor.exc import ConfigurationError, InvalidRequestError, NotFoundError
from pioreactor.exports.dataset import Dataset
from pioreactor.identity import access_tokens, people
from pioreactor.identity.unit import unit_name
from pioreactor.identity.unit_tokens import WorkerTokens
from pioreactor.jobs.declaration import JobDeclaration
from pioreactor.jobs.published_attribute import PublishedAttribute
from pioreactor.measurements import ColumnSpec, MeasurementSpec, register, stream_table
from pioreactor.measurements.registry import unregister
from pioreactor.messaging.accounts import Account
from pioreactor.models import ReactorModel, load_models
from pioreactor.plugin_management import installer, pip
from pioreactor.plugin_management.template import check_module_name
from pioreactor.procedures.protocols import naming, od_fusion_offset
from pioreactor.storage import artifacts
from pioreactor.storage.leader.repositories import experiments, workers
from pioreactor.storage.leader.repositories.time_series import TimeSeriesReader
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.kv import SqliteKeyValues
from pioreactor.updates.archives import Archives
from pioreactor.updates.version_order import order_of
from pioreactor.web import request_bodies
from pioreactor.web.leader.agent_tools import path_part
from pioreactor.web.leader.joining import SshLogin
from pioreactor.web.unit.system import OwnToken
from pioreactor.web.unit.updates import Sent

SRC = Path(__file__).parents[3] / "src" / "pioreactor"
NOWHERE = Path("/nonexistent")
ANY: Any = None
REFUSED = (InvalidRequestError, ConfigurationError, ValueError, msgspec.ValidationError)


def field_of(struct: type[Any], field: str, **others: object) -> Callable[[str], object]:
    return lambda name: getattr(msgspec.convert({**others, field: name}, struct), field)


def model(field: str) -> Callable[[str], object]:
    return field_of(ReactorModel, field, **msgspec.to_builtins(load_models(NOWHERE)[0]))


def token_label(name: str) -> str:
    storage: Any = SimpleNamespace(tokens=lambda _: [], add_token=lambda *_, **__: None)
    return access_tokens.create(storage, name=name, username="ada", now=datetime(2030, 1, 1, tzinfo=UTC)).name


def a_still(image_id: str) -> None:
    try:
        request_bodies.still_name(f"{image_id}.jpg")
    except NotFoundError as error:
        raise InvalidRequestError("no still can be called that") from error


def job_class(name: str) -> None:
    declared: Any = type("Named", (JobDeclaration,), {"job_name": name})
    declared.check_name()


def table_of_plugin(name: str) -> None:
    table = stream_table(name, ColumnSpec("ph", "real"))
    spec = MeasurementSpec(name="ph", label="pH", description="", topics=("ph/ph",), payload=float, table=table)
    register(spec)
    unregister(spec)


def column_of_series(name: str) -> None:
    class NoDatabase:
        def reading(self) -> None:
            raise NotFoundError("no table")

    access: Any = NoDatabase()
    with suppress(NotFoundError):
        TimeSeriesReader(access).of_column("od_readings", name, "exp1")


def backup_copy(name: str) -> None:
    runtime: Any = SimpleNamespace(paths=SimpleNamespace(storage=NOWHERE))
    with suppress(NotFoundError):
        BackupCopies(runtime).digest_of(name)


def archive_part(name: str) -> None:
    with suppress(NotFoundError):
        Archives(Paths.below(NOWHERE)).finish(name)


def dataset_name(name: str) -> str:
    made = Dataset(dataset_name=name, display_name="A", description="", table="x", has_experiment=True, has_unit=True)
    return made.dataset_name


def topic_of_a_rule(topic: str) -> str:
    condition = Limit(topic=topic, above=1.0)
    check_condition(condition)
    return condition.topic


CHECKS: dict[str, tuple[Callable[[str], object], str]] = {
    "access_tokens": (token_label, "script"),
    "accounts": (lambda name: Account(name, "secret").name, "unit1"),
    "artifacts": (lambda name: artifacts.check_component("calibration", name), "a 1"),
    "agent_tools": (lambda name: path_part("unit", name), "unit1"),
    "archives": (archive_part, "release_27.1.0.zip"),
    "backup_replication": (backup_copy, "copy.sqlite"),
    "channels": (lambda name: Channel(name=name, kind="email").checked().name, "phone"),
    "condition_types": (topic_of_a_rule, "od_reading/od1"),
    "dataset": (dataset_name, "od_readings"),
    "declaration": (job_class, "stirring"),
    "experiments": (experiments.check_experiment_name, "exp 1"),
    "installer": (installer.check_file_name, "valve.py"),
    "kv": (lambda name: SqliteKeyValues(ANY, name), "leds"),
    "joining": (field_of(SshLogin, "user"), "pi"),
    "ssh_account": (lambda name: SshAccount("worker1", user=name).user, "pi"),
    "models name": (model("model_name"), "pioreactor_20ml"),
    "models version": (model("model_version"), "1.0"),
    "pip": (pip.requirement, "gas-sensor"),
    "pip wheel": (installer.check_file_name, "valve-1.0-py3-none-any.whl"),
    "pairing_client": (lambda name: split_address(name)[0], "worker1"),
    "pairing_protocol": (field_of(Confirmation, "proof", nonce="n" * 32), "p" * 64),
    "naming": (naming.checked_name, "a 1"),
    "od_fusion_offset": (od_fusion_offset.question_for, "unit1"),
    "ownership": (FileLockOwnership(NOWHERE).holder, "heater"),
    "published_attribute": (lambda name: PublishedAttribute("").__set_name__(object, name), "target_rpm"),
    "registry": (table_of_plugin, "ph_of_this_test"),
    "rules": (lambda name: AlarmRule(name=name, title="A", condition=UnitSilent()).checked().name, "too_warm"),
    "request_bodies device": (request_bodies.device_name, "od90"),
    "request_bodies experiment": (request_bodies.experiment_name, "exp 1"),
    "camera_still": (a_still, "20261122T085037.895000Z-0badcafe"),
    "request_bodies file": (request_bodies.file_name, "profile.yaml"),
    "request_bodies job": (request_bodies.job_name, "stirring"),
    "people": (lambda name: people.add(SimpleNamespace(add=lambda *_: None), name, "p" * 12), "ada"),
    "request_bodies kind": (request_bodies.automation_kind, "dosing"),
    "request_bodies option": (request_bodies.option_name, "target_rpm"),
    "request_bodies person": (field_of(request_bodies.AddPerson, "username", password="p" * 12), "ada"),
    "request_bodies setting": (request_bodies.setting_name, "target_rpm"),
    "request_bodies unit": (request_bodies.unit_name, "unit1"),
    "system": (field_of(OwnToken, "token"), "t" * 43),
    "broker_bridges": (check_bench_name, "bench1"),
    "template": (check_module_name, "gas_sensor"),
    "time_series": (column_of_series, "od_reading"),
    "unit": (lambda name: unit_name({"HOSTNAME": name}), "unit1"),
    "unit_tokens": (WorkerTokens(NOWHERE).token_of, "unit1"),
    "updates": (field_of(Sent, "sha256"), "a" * 64),
    "version_order": (order_of, "27.1.0"),
    "workers": (workers.check_unit_name, "unit1"),
}
NOT_NAMES = {
    "access_point",
    "bundle",
    "durations",
    "exports",
    "models",
    "repetitions",
    "replay",
    "table_copy",
    "usb_drives",
    "validate",
}
"""Modules with patterns of other things: files of a signed archive, durations, files and devices that exist, angles of
photodiodes, log lines, numbers, passphrases, identifiers found in a database, requirements of versions."""


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\0", "\u2028", "/", "/../x", "#"])
def test_a_name_is_checked_to_its_end(check: str, end: str) -> None:
    is_valid, name = CHECKS[check]
    is_valid(name)
    if check in ("access_tokens", "request_bodies person") and end in ("/", "/../x", "#"):
        return  # no parts of paths or topics
    try:
        accepted = is_valid(name + end)
    except REFUSED:
        return
    assert accepted == name, f"{name + end!r} is accepted as {accepted!r}"  # blanks around a name are removed


def test_every_pattern_of_a_name_has_its_check_here() -> None:
    known = {check.partition(" ")[0] for check in CHECKS} | NOT_NAMES
    found = {path.stem: str(path) for path in SRC.rglob("*.py") if has_pattern_of_whole_text(path)}
    assert len(found) > 15
    assert {name: path for name, path in found.items() if name not in known} == {}


def has_pattern_of_whole_text(path: Path) -> bool:
    """Return whether a module compares whole texts with a pattern, or declares a field with one."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return any(
        (isinstance(call.func, ast.Attribute) and call.func.attr == "fullmatch")
        or any(keyword.arg == "pattern" for keyword in call.keywords)
        for call in calls
    )


def test_no_check_of_a_name_uses_match() -> None:
    """`match` looks at the beginning of a text only."""
    allowed = {"editing", "lenient_reader", "profile_struct"}  # a line of a file, messages of libraries
    found = {
        f"{path.stem}:{node.lineno}"
        for path in SRC.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "match"
        and path.stem not in allowed
    }
    assert found == set()
