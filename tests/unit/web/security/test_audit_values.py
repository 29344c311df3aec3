"""Values before and after a change in the audit trail: which routes keep them, and why others do not."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute

from pioreactor.http.deadline import SAFE_METHODS
from pioreactor.http.loopback import json_response
from pioreactor.structs.audit import AuditedChange
from pioreactor.web.api import api_of_leader

KEEP = (
    "note_values(",
    "_note_changes(",
    "on_unassigned(",
    "Changed",
    "CorrectedVial(",
    "AddedCalibration(",
    "_record_outcome(",
    "_decided(",
)
"""What a function of a route calls that keeps the values; `Changed…` are answers of units, which the leader keeps."""
CREATES = "there is nothing before, and what was sent is what comes"
ACTS = "an act or a process, with the values that were sent; no stored value is replaced"
ENDS = "ends something that is named in the request"
SECRET = "a secret is replaced, which is not kept"
BY_LEADER = "sent by the leader, whose own route keeps the values"
CARRIES = "carries a file or other requests, each of which is recorded on its own"
IN_ANSWER = "what it changes is in the answer of the unit, which the leader keeps"
TOO_LARGE = "what it removes or replaces is data, too large to be kept"
READS = "changes nothing"
WHY_NOT = {
    CREATES: (
        "accept_invitation add_person add_worker create_experiment create_profile create_token invite set_up_worker"
    ),
    ACTS: (
        "archive_experiment blink check_hardware export_datasets export_to_usb film_of_worker make_backup mount_usb "
        "eject_usb reboot repair restart_web_server retry run_job run_on_units set_clocks set_utc_clock shutdown "
        "start_access_point start_live_view start_oidc_sign_in start_session sign_certificate sync_configs take_still "
        "renew_certificates "
        "test_alarm_channel update_app update_from_archive update_next_version update_target use_bench "
        "advance_session undo_step write_log_entry sign_change download_release update_firmware rehearse_proposal "
        "repair_database"
    ),
    ENDS: (
        "abort_session cancel_rehearsal leave sign_in sign_out stop_access_point stop_all_jobs stop_all_on_units "
        "stop_export stop_jobs stop_live_view stop_on_units"
    ),
    SECRET: (
        "begin_second_factor change_password confirm_second_factor remove_second_factor replace_own_token "
        "reset_second_factor store_oidc_secret"
    ),
    BY_LEADER: "patch_shared_config replace_leader_watch set_unit_model",
    CARRIES: (
        "add_part begin_copy call_mcp finish_archive finish_copy receive_part receive_plugin_file "
        "record_typed_commands send_archive send_experiment send_file send_plugin_file upload_release write_file"
    ),
    IN_ANSWER: (
        "disable_plugin enable_plugin install_plugin install_plugin_from_copy install_plugin_from_leader_usb "
        "install_plugin_from_usb uninstall_plugin update_plugins"
    ),
    TOO_LARGE: (
        "change_still delete_archive delete_still delete_stills discard drop_archive drop_experiment "
        "import_one_experiment import_zipped_dot_pioreactor import_zipped_dot_pioreactor_of_unit remove_file "
        "rename_experiment restore_backup run_import undo_import undo_import_of_archive"
    ),
    READS: (
        "check_plugin check_plugin_from_leader_usb check_plugin_from_usb open_invitation plan_import "
        "plan_one_experiment verify_audit verify_backup verify_copy verify_database verify_profile"
    ),
}


def changing_functions() -> Iterator[Callable[..., object]]:
    api: Any = api_of_leader(())
    for route in api.routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if set(handler.http_methods) - SAFE_METHODS:
                function: Any = handler.fn
                while not hasattr(function, "__name__"):
                    function = function.func
                yield function


def test_each_changing_route_keeps_values_or_says_why_not() -> None:
    found: dict[str, bool] = {}
    for function in changing_functions():
        source = inspect.getsource(function)
        found[function.__name__] = found.get(function.__name__, False) or any(mark in source for mark in KEEP)
    excused = " ".join(WHY_NOT.values()).split()
    assert len(excused) == len(set(excused))
    assert sorted(name for name, keeps in found.items() if not keeps) == sorted(excused)


@pytest.fixture
def manager(leader: Any) -> Any:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def changes(leader: Any) -> list[AuditedChange]:
    return [entry.change for entry in leader.services.database.audit.all()]


def values(leader: Any, action: str) -> tuple[object, object]:
    """Return the values before and after in the newest entry of an action."""
    known = [msgspec.json.decode(change.details) for change in changes(leader) if change.action == action]
    details = [each for each in known if {"before", "after"} & each.keys()][-1]
    return details.get("before"), details.get("after")


def test_values_before_and_after_are_kept(manager: Any) -> None:
    client = manager.client
    manager.add_workers("unit1", experiment="e")
    assert values(manager, "assign_worker") == (None, "e")
    client.patch("/api/experiments/e", json={"description": "medium B"})
    before, after = values(manager, "update_experiment")
    assert (before, after) == ({"description": None}, {"description": "medium B"})
    client.put("/api/experiments/e/unit_labels", json={"unit": "unit1", "label": "control"})
    assert values(manager, "label_unit") == (None, "control")
    client.put("/api/workers/unit1/is_active", json={"is_active": 0})
    assert values(manager, "set_active") == (1, 0)
    text = 'version: "1.0"\nexperiment_profile_name: {}\n'
    client.post("/api/experiment_profiles", json={"filename": "p.yaml", "body": text.format("one")})
    client.patch("/api/experiment_profiles/p.yaml", json={"body": text.format("two")})
    assert values(manager, "update_profile") == ("experiment_profile_name: one", "experiment_profile_name: two")
    client.delete("/api/experiment_profiles/p.yaml")
    assert values(manager, "delete_profile") == (text.format("two"), None)
    client.put("/auth/people", json={"username": "mia", "password": "0123456789"})
    client.delete("/auth/people/mia")
    before, _ = values(manager, "remove_person")
    assert isinstance(before, dict) and before["role"] == "viewer"


def test_changed_values_of_the_configuration_are_kept_without_secrets(manager: Any) -> None:
    client = manager.client
    base = "[cluster.topology]\nleader_hostname=leader1\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n"
    base += "[stirring.config]\ninitial_target_rpm=400\n"
    assert client.put("/api/config/shared", json={"code": base}).status_code == 200
    changed = base.replace("initial_target_rpm=400", "initial_target_rpm=500") + "[webhook]\npassword=hidden\n"
    assert client.put("/api/config/shared", json={"code": changed}).status_code == 200
    before, after = values(manager, "save_shared_config")
    assert before == {"stirring.config": {"initial_target_rpm": "400"}, "webhook": {"password": None}}
    assert after == {"stirring.config": {"initial_target_rpm": "500"}, "webhook": {"password": "***"}}


def test_what_a_unit_changed_or_refused_is_kept(manager: Any) -> None:
    manager.add_workers("unit1", "unit2", experiment="e")
    manager.add_host("unit1", lambda _: json_response({"before": "old", "after": "new", "status": "success"}))
    manager.add_host("unit2", lambda _: json_response({"error": "it is unusable", "status": 409}, status=409))
    manager.result(manager.client.patch("/api/workers/unit1/active_calibrations/od90/new"))
    assert values(manager, "use_calibration") == ("old", "new")
    assert {change.actor for change in changes(manager)[-2:]} == {"pioreactor"}
    manager.result(manager.client.patch("/api/workers/unit2/active_calibrations/od90/new"))
    assert ("failed", "unit2") in [(change.outcome, change.unit) for change in changes(manager)[-2:]]


def test_the_event_log_names_who_assigned_and_who_stopped(manager: Any) -> None:
    manager.add_workers("unit1", experiment="e")
    manager.client.post("/api/workers/unit1/jobs/stop/job_name/stirring/experiments/e")
    said = [payload for topic, payload, *_ in manager.bus.published if "/logs/" in topic]
    assert any("pioreactor assigned unit1 to e." in text for text in said)
    assert any("pioreactor asked unit1 to stop stirring." in text for text in said)
