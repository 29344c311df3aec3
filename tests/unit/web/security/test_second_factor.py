"""Second factors: switched on by a code, asked for at each sign-in, reset by a manager."""

import logging
from pathlib import Path
from typing import Any

import pyotp
import pytest

from pioreactor.exc import ConflictError
from pioreactor.identity import people
from pioreactor.identity.second_factor import SecondFactorError, SecondFactors
from pioreactor.structs.rights import VIEWER


class App:
    """Second factors whose time is set by the test, and the authenticator app of one person."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_800_000_000.0
        self.factors = SecondFactors(folder, seconds=lambda: self.now)
        self.secret = self.factors.begin("ada", issuer="Lab").secret

    def code(self, *, ahead_s: float = 0.0) -> str:
        return pyotp.TOTP(self.secret).at(int(self.now + ahead_s))


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_a_secret_counts_once_a_code_has_confirmed_it(app: App) -> None:
    assert not app.factors.state("ada").is_on
    with pytest.raises(SecondFactorError):
        app.factors.confirm("ada", "000000")
    assert not app.factors.state("ada").is_on
    assert len(app.factors.confirm("ada", app.code())) == 8
    assert app.factors.state("ada").is_on
    with pytest.raises(ConflictError):
        app.factors.begin("ada", issuer="Lab")
    with pytest.raises(ConflictError):
        app.factors.confirm("ben", "000000")


def test_no_code_is_valid_twice_nor_an_older_one(app: App) -> None:
    app.factors.confirm("ada", app.code())
    assert not app.factors.verify("ada", app.code()), "the one that confirmed"
    app.now += 30
    older, present = app.code(), app.code(ahead_s=30)
    assert app.factors.verify("ada", present)
    assert not app.factors.verify("ada", present)
    assert not app.factors.verify("ada", older)
    again = SecondFactors(app.factors._folder.parent, seconds=lambda: app.now)
    assert not again.verify("ada", present), "after a restart"


@pytest.mark.parametrize(("ahead_s", "is_valid"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_the_clock_of_a_telephone_may_differ_by_half_a_minute(app: App, ahead_s: float, is_valid: bool) -> None:
    app.factors.confirm("ada", app.code())
    app.now += 3600
    assert app.factors.verify("ada", app.code(ahead_s=ahead_s)) == is_valid


def test_a_recovery_code_stands_in_once(app: App) -> None:
    first, *others = app.factors.confirm("ada", app.code())
    assert app.factors.verify("ada", f" {first.upper()} ")
    assert not app.factors.verify("ada", first)
    assert app.factors.state("ada").recovery_codes_left == len(others) == 7


@pytest.mark.parametrize("code", ["", "0", "12345678901234567890", "\u0661" * 6, "\ud800", "\0", "../..", "None"])
def test_other_codes_are_wrong(app: App, code: str) -> None:
    app.factors.confirm("ada", app.code())
    app.now += 30
    assert not app.factors.verify("ada", code)
    assert not app.factors.verify("..", code)


def test_files_are_private_and_named_by_no_person(app: App, tmp_path: Path) -> None:
    app.factors.begin("..", issuer="Lab")
    files = list((tmp_path / "second_factors").iterdir())
    assert len(files) == 2
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


@pytest.fixture
def signed_in(leader: Any) -> Any:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def switched_on(leader: Any) -> tuple[str, list[str]]:
    """Switch the second factor of the person on who is signed in; return the secret and the recovery codes."""
    made = leader.client.post("/auth/second-factor", json={"password": leader.password})
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["uri"].startswith("otpauth://totp/")
    assert len(body["qr"]) == len(body["qr"][0]) >= 21
    code = {"code": pyotp.TOTP(body["secret"]).now()}
    codes = leader.client.post("/auth/second-factor/confirm", json=code).json()["recovery_codes"]
    return body["secret"], codes


def test_signing_in_takes_a_code_in_a_second_step(signed_in: Any) -> None:
    assert signed_in.client.post("/auth/second-factor", json={"password": "wrong"}).status_code == 403
    _, codes = switched_on(signed_in)
    assert signed_in.client.get("/auth/second-factor").json() == {"is_on": True, "recovery_codes_left": 8}
    assert signed_in.client.get("/auth/people").json()[0]["has_second_factor"] is True
    signed_in.client.cookies.clear()
    sign_in = {"username": "pioreactor", "password": signed_in.password}
    asked = signed_in.client.post("/auth/sign-in", json=sign_in)
    assert (asked.status_code, asked.json()["code"], "set-cookie" in asked.headers) == (401, "second_factor", False)
    wrong_password = signed_in.client.post("/auth/sign-in", json={**sign_in, "password": "x", "code": codes[0]})
    assert wrong_password.json()["code"] == "not_authenticated", "without the password nothing is said of codes"
    assert signed_in.client.post("/auth/sign-in", json={**sign_in, "code": "000000"}).status_code == 401
    assert signed_in.client.post("/auth/sign-in", json={**sign_in, "code": codes[0]}).status_code == 200
    assert signed_in.client.post("/auth/sign-in", json={**sign_in, "code": codes[0]}).status_code == 401
    assert signed_in.client.post("/auth/second-factor/remove", json={"code": "000000"}).status_code == 401
    assert signed_in.client.post("/auth/second-factor/remove", json={"code": codes[1]}).status_code == 200
    signed_in.client.cookies.clear()
    assert signed_in.client.post("/auth/sign-in", json=sign_in).status_code == 200


def test_guesses_of_codes_are_limited_even_with_the_right_password(signed_in: Any) -> None:
    _, codes = switched_on(signed_in)
    signed_in.client.cookies.clear()
    auth = {"username": "pioreactor", "password": signed_in.password}
    statuses = [signed_in.client.post("/auth/sign-in", json={**auth, "code": f"{n:06}"}).status_code for n in range(9)]
    assert statuses == [401] * 8 + [429]
    assert signed_in.client.post("/auth/sign-in", json={**auth, "code": codes[0]}).status_code == 429


def test_a_manager_resets_the_second_factor_of_a_person(signed_in: Any) -> None:
    people.add(signed_in.services.database.people, "ana", "0123456789", VIEWER)
    own = signed_in.services.unit.runtime.paths.secrets
    factors = SecondFactors(own, seconds=lambda: 1_800_000_000.0)
    secret = factors.begin("ana", issuer="Lab").secret
    factors.confirm("ana", pyotp.TOTP(secret).at(1_800_000_000))
    assert signed_in.client.delete("/auth/people/ana/second-factor").status_code == 200
    assert signed_in.client.delete("/auth/people/ana/second-factor").status_code == 404
    factors.begin("ana", issuer="Lab")
    assert signed_in.client.delete("/auth/people/ana").status_code == 200
    assert list((own / "second_factors").iterdir()) == [], "a person of the same name begins anew"


def test_neither_secret_nor_codes_are_logged_or_in_the_database(
    signed_in: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        secret, codes = switched_on(signed_in)
        signed_in.client.cookies.clear()
        body = {"username": "pioreactor", "password": signed_in.password, "code": codes[0]}
        assert signed_in.client.post("/auth/sign-in", json=body).status_code == 200
    database = signed_in.services.database.path
    stored = b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))
    for text in (secret, *codes):
        assert text not in caplog.text
        assert text.encode() not in stored
