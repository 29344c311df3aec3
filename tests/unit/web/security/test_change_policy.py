"""Changes for which a lab asks a reason or a signature."""

from collections.abc import Callable
from typing import Any

import msgspec
import pyotp
import pytest

CONFIG = "[cluster.topology]\nleader_hostname=leader1\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n[audit]\n"
DELETE = "/api/experiments/e%201"


@pytest.fixture
def manager(leader: Any) -> Any:
    """The leader, with the first person signed in, and an experiment."""
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    leader.client.post("/api/experiments", json={"experiment": "e 1"})
    return leader


@pytest.fixture
def asks(manager: Any) -> Callable[..., None]:
    def configure(**values: str) -> None:
        text = CONFIG + "".join(f"{key}={value}\n" for key, value in values.items())
        assert manager.client.put("/api/config/shared", json={"code": text}).status_code == 200

    return configure


def sign(manager: Any, *, password: str | None = None, path: str = DELETE, code: str | None = None) -> Any:
    body = {"password": password if password is not None else manager.password, "method": "DELETE", "path": path}
    return manager.client.post("/auth/signatures", json={**body, "meaning": "approved", "code": code})


def newest(manager: Any) -> tuple[Any, Any]:
    change = list(manager.services.database.audit.all())[-1].change
    return change, msgspec.json.decode(change.details)


def test_a_change_without_a_reason_is_refused_and_nothing_happens(manager: Any, asks: Callable[..., None]) -> None:
    asks(reason_required="update_experiment, delete_experiment")
    path = "/api/experiments/e 1"
    refused = manager.client.patch(path, json={"description": "x"}, headers={"X-Pioreactor-Reason": "%20"})
    assert (refused.status_code, refused.json()["code"]) == (428, "reason_required")
    assert "X-Pioreactor-Reason" in refused.json()["remediation"]
    assert not manager.client.get(path).json()["description"]
    given = manager.client.patch(path, json={"description": "x"}, headers={"X-Pioreactor-Reason": "typo%20mended"})
    assert given.status_code == 200
    assert newest(manager)[0].reason == "typo mended"
    assert manager.client.post("/api/experiments", json={"experiment": "other"}).status_code == 201


def test_units_and_reads_are_not_asked(manager: Any, asks: Callable[..., None]) -> None:
    manager.add_workers("unit1")
    asks(reason_required="*", signature_required="*")
    assert manager.client.get("/api/experiments").status_code == 200
    body = {"model_name": "pioreactor_20ml", "model_version": "1.1"}
    token = {"Authorization": "Bearer the-token-of-unit1"}
    assert manager.client.put("/api/workers/unit1/reported_model", json=body, headers=token).status_code == 200
    assert manager.client.post("/auth/sign-out").status_code == 200


def test_a_signature_is_for_one_request_once(manager: Any, asks: Callable[..., None]) -> None:
    asks(signature_required="delete_experiment")
    refused = manager.client.delete(DELETE)
    assert (refused.status_code, refused.json()["code"]) == (428, "signature_required")
    other = sign(manager, path="/api/experiments/f").json()["id"]
    assert manager.client.delete(DELETE, headers={"X-Pioreactor-Signature": other}).status_code == 403
    signature = {"X-Pioreactor-Signature": sign(manager).json()["id"]}
    assert manager.client.delete(DELETE, headers=signature).status_code == 202
    _, details = newest(manager)
    assert details["signature"] == {"by": "pioreactor", "meaning": "approved"}
    assert manager.client.delete(DELETE, headers=signature).status_code == 403
    stored = msgspec.json.encode([entry.change for entry in manager.services.database.audit.all()]).decode()
    assert manager.password not in stored
    assert signature["X-Pioreactor-Signature"] not in stored


def test_a_wrong_password_is_refused_recorded_and_limited(manager: Any) -> None:
    answers = [sign(manager, password="wrong-password").status_code for _ in range(9)]
    assert answers == [403] * 8 + [429]
    change, _ = newest(manager)
    assert (change.actor, change.action, change.outcome) == ("pioreactor", "sign_change", "refused")
    assert "wrong-password" not in change.details + change.summary


def test_a_person_with_a_second_factor_signs_with_it(manager: Any) -> None:
    begun = manager.client.post("/auth/second-factor", json={"password": manager.password}).json()
    totp = pyotp.TOTP(begun["secret"])
    assert manager.client.post("/auth/second-factor/confirm", json={"code": totp.now()}).status_code == 200
    missing = sign(manager)
    assert (missing.status_code, missing.json()["code"]) == (401, "second_factor")
    change, _ = newest(manager)
    assert (change.actor, change.outcome) == ("pioreactor", "refused")
    assert sign(manager, code=totp.at(__import__("time").time() + 30)).status_code == 201


def test_programs_cannot_sign(manager: Any, asks: Callable[..., None]) -> None:
    asks(signature_required="delete_experiment", reason_required="delete_experiment")
    signature = sign(manager).json()["id"]
    token = manager.client.post("/auth/tokens", json={"name": "nightly"}).json()["token"]
    manager.client.cookies.clear()
    manager.client.headers["Authorization"] = f"Bearer {token}"
    assert sign(manager).status_code == 403
    headers = {"X-Pioreactor-Signature": signature, "X-Pioreactor-Reason": "old"}
    refused = manager.client.delete(DELETE, headers=headers)
    assert (refused.status_code, "programs cannot sign" in refused.json()["error"]) == (403, True)
