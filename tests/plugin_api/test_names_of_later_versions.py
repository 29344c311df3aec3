"""Names that code written for 26.11 imports, and what they do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.runtime import context

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def runtime() -> Iterator[context.Runtime]:
    runtime = build_simulation().units[0].runtime
    with context.using(runtime):
        yield runtime


def test_payloads_of_the_vial_are_encoded_and_both_forms_decoded(runtime: context.Runtime) -> None:
    from pioreactor.bioreactor import decode_bioreactor_payload, encode_bioreactor_payload
    from pioreactor.structs import BioreactorValue

    payload = encode_bioreactor_payload(14.5, AT)
    assert msgspec.json.decode(payload) == {"timestamp": "2030-01-01T12:00:00.000Z", "value": 14.5}
    assert decode_bioreactor_payload(payload) == BioreactorValue(timestamp=AT, value=14.5)
    assert decode_bioreactor_payload(b"14").value == 14.0
    with pytest.raises(msgspec.DecodeError):
        decode_bioreactor_payload(b'{"value": "much"}')


@pytest.mark.parametrize("method", ["get_from", "put_into", "patch_into", "post_into", "delete_from"])
def test_a_request_to_a_unit_names_its_target(
    runtime: context.Runtime, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from pioreactor import pubsub

    sent: list[tuple[str, str, dict[str, str]]] = []

    def request(method: str, url: str, *, headers: Any, **_options: Any) -> None:
        sent.append((method, url, headers))

    monkeypatch.setattr("pioreactor.mureq.request", request)
    ask = getattr(pubsub, f"{method}_unit")
    ask("unit7", "/unit_api/jobs/stop")
    ask("unit7", "unit_api/jobs/stop", address="10.0.0.7:8080")
    assert [(verb, url) for verb, url, _ in sent] == [
        (method.split("_")[0].upper(), "http://unit7.local:80/unit_api/jobs/stop"),
        (method.split("_")[0].upper(), "http://10.0.0.7:8080/unit_api/jobs/stop"),
    ]
    assert all(headers[pubsub.TARGET_UNIT_HEADER] == "unit7" for *_, headers in sent)
    assert pubsub.TARGET_UNIT_HEADER == "X-Pioreactor-Target"


def test_configuration_files_are_edited_with_their_comments(tmp_path: Path) -> None:
    from pioreactor import config

    path = tmp_path / "unit_config.ini"
    text = "# mine\n[stirring.config]\npwm_hz=200 ; fast\n\n[PWM]\n1=stirring\n2=media\n   waste\n# end\n"
    config.write_config_text(path, text)
    config.set_config_value_in_file(path, "stirring.config", "target_rpm", "400")
    assert "pwm_hz=200 ; fast\ntarget_rpm=400\n" in path.read_text()
    config.remove_config_values_in_file(path, [("PWM", "2"), ("stirring.config", "target_rpm"), ("no", "such")])
    assert path.read_text() == text.replace("2=media\n   waste\n", "")
    config.remove_config_values_in_file(tmp_path / "absent.ini", [("PWM", "2")])
    assert config.replace_or_append_config_entry("[a]\nb=1\n", "a", "b", "2") == "[a]\nb=2\n"


def test_small_helpers(runtime: context.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor import paths
    from pioreactor.utils.clock import is_clock_synchronized
    from pioreactor.utils.job_manager import JobManager
    from pioreactor.utils.networking import is_ipv4_address

    assert paths.get_dot_pioreactor_path() == runtime.paths.dot_pioreactor
    assert paths.get_run_pioreactor_path() == runtime.paths.run_pioreactor
    monkeypatch.setenv("PIO_VENV", "/somewhere/venv")
    assert paths.get_pio_venv_path() == Path("/somewhere/venv")
    assert is_clock_synchronized() is None, "the time of a simulation is its own"
    assert [is_ipv4_address(text) for text in ("10.0.0.7", "10.0.0", "::1", "unit1.local", "")] == [
        *(True, False, False, False, False)
    ]
    with JobManager() as jobs:
        before = jobs.count_running_jobs()
        jobs_id = runtime.stores.jobs().register(**_a_job(runtime))
        assert jobs.count_running_jobs() == before + 1
        newest = jobs.list_job_history()[0]
    assert (newest[0], newest[1], newest[-1]) == (getattr(jobs_id, "job_id", jobs_id), "stirring", runtime.pid)


def _a_job(runtime: context.Runtime) -> dict[str, Any]:
    return {
        "unit": runtime.unit,
        "experiment": "exp",
        "job_name": "stirring",
        "job_source": "app",
        "pid": runtime.pid,
        "leader": runtime.identity.leader_hostname,
        "is_long_running": False,
        "exclusive": False,
        "started_at": "2030-01-01T12:00:00.000Z",
    }


def test_a_lock_of_leds_lets_its_owner_write(runtime: context.Runtime) -> None:
    from pioreactor.actions.led_intensity import led_intensity, led_state, lock_leds_temporarily

    with lock_leds_temporarily(["A", "B"], "imaging") as token:
        assert list(token) == ["A", "B"]
        assert not led_intensity({"A": 10.0}), "locked for others"
        assert led_intensity({"A": 20.0, "B": 30.0}, lock_owner=token)
    assert {channel: led_state(runtime)[channel] for channel in ("A", "B")} == {"A": 20.0, "B": 30.0}
