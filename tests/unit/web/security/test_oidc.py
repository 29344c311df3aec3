"""Sign-in by an OpenID Connect issuer, which answers on a real socket."""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey
from tests.unit.web.conftest import client_of
from tests.unit.web.security.oidc_issuer import CLIENT, SmallIssuer, issuer_on_loopback

from pioreactor.bootstrap.process import public_http_client
from pioreactor.http.addresses import base_url
from pioreactor.http.loopback import LoopbackHttp
from pioreactor.http.units import Units
from pioreactor.identity.oidc.issuer_sign_in import OidcSignIn
from pioreactor.settings.sections import OidcSettings
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.rights import MANAGER, VIEWER, Rights
from pioreactor.web.app import LeaderSide
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.unit.services import UnitServices

SECRET = "a-secret-of-the-client"


@dataclass
class Lab:
    """A leader whose people sign in by an issuer, and what a browser does."""

    client: Any
    issuer: SmallIssuer
    database: LeaderDatabase
    settings: Any
    password: str
    now_s: float = 1_800_000_000.0

    def configure(self, groups: dict[str, str] | None = None, **changed: Any) -> None:
        oidc = OidcSettings(
            **{"issuer": self.issuer.url, "client_id": CLIENT, "panel": "http://testserver", "default_role": "viewer"}
            | {"create_accounts": True}
            | changed
        )
        self.settings = replace(self.settings, oidc=oidc, oidc_groups=groups if groups is not None else {})

    def begin(self) -> str:
        answer = self.client.post("/auth/oidc/start")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    def come_back(self, url: str, **changed: str) -> Any:
        state = parse_qs(urlsplit(url).query)["state"][0]
        query = {"code": self.issuer.authorize(url), "state": state} | changed
        return self.client.get("/auth/oidc/return", params=query, follow_redirects=False)

    def sign_in(self) -> Any:
        return self.come_back(self.begin())

    def who(self) -> str | None:
        answer = self.client.get("/auth/me")
        return answer.json()["username"] if answer.status_code == 200 else None


@pytest.fixture
def lab(make_unit: Callable[..., UnitServices], tmp_path: Path, new_database: tuple[Path, str]) -> Iterator[Lab]:
    here = make_unit("leader1")
    database = LeaderDatabase.open(shutil.copy(new_database[0], tmp_path / "leader.sqlite"))
    units = Units(LoopbackHttp(), lambda unit: base_url(unit, {}), token_for=lambda _: "", pause=here.tasks.pause)
    services = LeaderServices(here, database, here.bus, units, lambda _: "")
    with issuer_on_loopback(lambda: made.now_s) as issuer:
        sign_in = OidcSignIn(
            lambda: made.settings,
            here.runtime.paths.secrets,
            public_http_client(),
            database.people,
            now_s=lambda: made.now_s,
        )
        sign_in.store_secret(SECRET)
        side = LeaderSide(services, database.people, ("127.0.0.1", 1), oidc=sign_in)
        with client_of(here, leader=side) as client:
            client.headers.pop("Authorization")
            made = Lab(client, issuer, database, here.runtime.settings, new_database[1])
            made.configure()
            yield made
    database.close()


def test_a_person_signs_in_by_the_issuer(lab: Lab) -> None:
    assert lab.client.get("/auth/oidc").json() == {"is_on": True, "label": "your organization"}
    url = lab.begin()
    query = parse_qs(urlsplit(url).query)
    assert query["redirect_uri"] == ["http://testserver/auth/oidc/return"]
    assert (query["code_challenge_method"], query["response_type"]) == (["S256"], ["code"])
    assert SECRET not in url
    answer = lab.come_back(url)
    assert answer.status_code == 200
    assert 'url=/"' in answer.text
    assert lab.who() == "ana"
    assert lab.database.people.rights("ana") == VIEWER
    [(form, headers)] = lab.issuer.token_requests
    assert SECRET not in str(form), "the secret goes into the header"
    assert headers["Authorization"].startswith("Basic ")
    assert len(form["code_verifier"]) >= 43
    [row] = [row for row in lab.database.audit.all() if row.change.action == "sign_in_by_issuer"]
    assert (row.change.actor_kind, row.change.actor, row.change.outcome) == ("person", "ana", "done")
    lab.issuer.person["preferred_username"] = "ana-renamed"
    lab.client.cookies.clear()
    assert lab.sign_in().status_code == 200
    assert lab.who() == "ana", "the subject counts, not the name"


WRONG: list[tuple[str, dict[str, object], str]] = [
    ("issuer", {"iss": "http://127.0.0.1:1"}, "iss"),
    ("audience", {"aud": "another"}, "aud"),
    ("another program", {"aud": [CLIENT, "another"]}, "azp"),
    ("expired", {"exp": 1_800_000_000 - 120}, "expired"),
    ("not yet", {"iat": 1_800_000_000 + 120}, "future"),
    ("nonce", {"nonce": "of another sign-in"}, "nonce"),
    ("no nonce", {"nonce": None}, "nonce"),
    ("no subject", {"sub": None}, "sub"),
    ("hostile name", {"preferred_username": "../<b>"}, "preferred_username"),
]


@pytest.mark.parametrize(("changed", "named"), [(row[1], row[2]) for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_claims_are_refused(lab: Lab, changed: dict[str, object], named: str) -> None:
    lab.issuer.changed = changed
    answer = lab.sign_in()
    assert answer.status_code == 401
    assert named in answer.text
    assert lab.who() is None
    assert len(lab.database.people.all()) == 1


def test_clocks_may_differ_by_a_minute(lab: Lab) -> None:
    lab.issuer.changed = {"iat": 1_800_000_000 + 50, "exp": 1_800_000_000 - 50}
    assert lab.sign_in().status_code == 200


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_only_a_key_of_the_issuer_signs(lab: Lab, algorithm: str) -> None:
    """Another key, and a symmetric algorithm that the issuer announces but whose key others may know."""
    lab.issuer.algorithm = algorithm
    lab.issuer.published = [ECKey.generate_key("P-256", {"kid": "one"})]
    answer = lab.sign_in()
    assert answer.status_code == 401
    assert "not signed by it" in answer.text
    assert lab.who() is None


def test_a_changed_key_is_asked_for(lab: Lab) -> None:
    assert lab.sign_in().status_code == 200
    lab.issuer.key = ECKey.generate_key("P-256", {"kid": "two"})
    assert lab.sign_in().status_code == 401, "asked for a moment ago"


def test_an_answer_counts_once_in_the_browser_that_began(lab: Lab) -> None:
    url = lab.begin()
    began = dict(lab.client.cookies)
    assert lab.come_back(url, state="of-another-sign-in").status_code == 401
    assert lab.come_back(url).status_code == 401, "used up by the wrong answer"
    url = lab.begin()
    lab.client.cookies.clear()
    assert lab.come_back(url).status_code == 401, "another browser"
    lab.client.cookies.update(began)
    assert lab.come_back(url).status_code == 401, "the cookie of an earlier sign-in"
    lab.client.cookies.clear()
    url = lab.begin()
    assert lab.come_back(url, iss="http://127.0.0.1:1").status_code == 401
    assert "access_denied" in lab.come_back(lab.begin(), error="access_denied").text
    assert lab.who() is None


def test_a_planted_session_cookie_is_replaced(lab: Lab) -> None:
    lab.client.cookies.set("pioreactor_session", "planted")
    answer = lab.sign_in()
    assert answer.cookies["pioreactor_session"] != "planted"
    lab.client.cookies.clear()
    lab.client.cookies.set("pioreactor_session", "planted")
    assert lab.who() is None


def test_without_the_issuer_local_accounts_work(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.configure(issuer="http://127.0.0.1:1")
    answer = lab.client.post("/auth/oidc/start")
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unreachable")
    assert "name and password" in answer.json()["remediation"]
    body = {"username": "pioreactor", "password": lab.password}
    assert lab.client.post("/auth/sign-in", json=body).status_code == 200
    assert lab.client.get("/auth/oidc/check").status_code == 503
    lab.configure()
    assert lab.client.get("/auth/oidc/check").json()["algorithms"] == ["ES256"]
    lab.issuer.metadata = {"issuer": "https://another.example"}
    lab.configure(issuer=lab.issuer.url + "/")
    assert "calls itself" in lab.client.get("/auth/oidc/check").json()["error"]
    assert SECRET not in caplog.text


def test_groups_give_rights_at_each_sign_in(lab: Lab) -> None:
    groups = {"Students": "operator | units: unit1, unit2", "staff": "manager"}
    lab.configure(groups, default_role="none")
    lab.issuer.person["groups"] = ["chess"]
    answer = lab.sign_in()
    assert (answer.status_code, "none of your groups" in answer.text) == (401, True)
    lab.issuer.person["groups"] = ["chess", "students"]
    assert lab.sign_in().status_code == 200
    assert lab.database.people.rights("ana") == Rights("operator", ("unit1", "unit2"))
    lab.issuer.person["groups"] = ["students", "staff"]
    assert lab.sign_in().status_code == 200
    assert lab.client.get("/auth/me").json()["rights"]["role"] == "manager"
    [row] = [one for one in lab.client.get("/auth/people").json() if one["username"] == "ana"]
    assert row["signs_in_by_issuer"]
    assert lab.database.people.password_hash("ana") == ""
    lab.client.cookies.clear()
    assert lab.client.post("/auth/sign-in", json={"username": "ana", "password": ""}).status_code in (400, 401)


def test_accounts_are_made_and_matched_only_when_allowed(lab: Lab) -> None:
    lab.configure(create_accounts=False)
    assert "no account ana here" in lab.sign_in().text
    lab.configure()
    lab.issuer.person["preferred_username"] = "pioreactor"
    assert "belongs to another sign-in" in lab.sign_in().text
    assert lab.who() is None
    lab.configure(match_names=True)
    assert lab.sign_in().status_code == 200
    assert lab.who() == "pioreactor"
    assert lab.database.people.rights("pioreactor") == MANAGER
    lab.client.cookies.clear()
    lab.issuer.person["sub"] = "18"
    assert "belongs to another sign-in" in lab.sign_in().text, "bound to the first subject"


def test_a_malformed_group_is_said_by_the_check(lab: Lab) -> None:
    lab.client.post("/auth/sign-in", json={"username": "pioreactor", "password": lab.password})
    for text, named in (("boss", "boss"), ("viewer | rooms: 1", "rooms")):
        lab.configure({"staff": text})
        answer = lab.client.get("/auth/oidc/check")
        assert (answer.status_code, named in answer.json()["error"]) == (400, True)
    lab.configure(issuer="http://issuer.example")
    assert "not encrypted" in lab.client.get("/auth/oidc/check").json()["error"]


def test_neither_code_nor_secret_is_logged(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="pioreactor"):
        lab.issuer.changed = {"aud": "another"}
        lab.sign_in()
    assert SECRET not in caplog.text
    assert "code-0" not in caplog.text
