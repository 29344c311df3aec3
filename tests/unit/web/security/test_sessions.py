"""Where people are signed in: what is shown of a session, ending it, and cookies that were planted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.exc import StorageError
from pioreactor.identity import people
from pioreactor.identity.sessions import CACHED_S, COOKIE, LIFETIME_S, STORE, Sessions, described_browser
from pioreactor.storage.memory import MemoryKeyValues
from pioreactor.structs.rights import MANAGER, Rights

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML) Version/18.0 Safari/604.1"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"


class Stored:
    """Sessions whose time is set by the test."""

    def __init__(self) -> None:
        self.now = 1_800_000_030.0
        self.values = MemoryKeyValues()
        self.sessions = self.of_another_process()

    def of_another_process(self) -> Sessions:
        return Sessions(self.values, seconds=lambda: self.now)


@pytest.fixture
def stored() -> Stored:
    return Stored()


def sign_in(leader: Any, username: str, password: str, **headers: str) -> str:
    """Sign in with a browser that has no cookie yet, and return the new one."""
    leader.client.headers.pop("Authorization", None)
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    leader.client.cookies.clear()
    body = {"username": username, "password": password}
    assert leader.client.post("/auth/sign-in", json=body, headers=headers).status_code == 200
    return str(leader.client.cookies[COOKIE])


def test_a_session_knows_when_where_and_by_which_browser(stored: Stored) -> None:
    cookie = stored.sessions.open("ada", address="10.0.0.7", user_agent=FIREFOX)
    stored.now += 200
    assert stored.sessions.find(cookie) is not None
    [row] = stored.sessions.all(own=cookie)
    assert (row.username, row.address, row.browser, row.is_own) == ("ada", "10.0.0.7", "Firefox on Linux", True)
    assert (row.opened_at, row.last_seen_at) == ("2027-01-15T08:00:30.000Z", "2027-01-15T08:03:00.000Z")
    assert row.id not in cookie
    [other] = stored.of_another_process().all()
    assert (other.last_seen_at, other.is_own) == (row.last_seen_at, False)


def test_seeing_a_session_is_stored_once_a_minute_and_never_opens_it_again(stored: Stored) -> None:
    cookie = stored.sessions.open("ada")
    [(key, before)] = stored.values.items()
    for _ in range(5):
        stored.now += 5
        stored.sessions.find(cookie)
    assert stored.values.items() == [(key, before)]
    stored.now += 60
    stored.of_another_process().close_by_id(str(key)[:12])
    stored.sessions.find(cookie)
    assert stored.values.items() == []
    stored.now += CACHED_S
    assert stored.sessions.find(cookie) is None


def test_a_disk_that_is_full_costs_no_request(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = stored.sessions.open("ada")
    stored.now += 120

    def full() -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(stored.values, "transaction", full)
    assert stored.sessions.find(cookie) is not None


def test_sessions_of_an_earlier_version_stay_open(stored: Stored) -> None:
    cookie = stored.sessions.open("ada")
    [(key, _)] = stored.values.items()
    stored.values.set(key, json.dumps({"username": "ada", "expires": stored.now + LIFETIME_S}))
    of_server = stored.of_another_process()
    [row] = of_server.all()
    assert (row.username, row.opened_at, row.last_seen_at, row.browser) == ("ada", None, None, "")
    session = of_server.find(cookie)
    assert session is not None
    assert session.username == "ada"
    assert of_server.all()[0].last_seen_at is not None


def test_browsers_are_described_in_few_words() -> None:
    found = [described_browser(text) for text in (FIREFOX, SAFARI, EDGE, "curl/8.5.0", "", "<script>")]
    assert found == ["Firefox on Linux", "Safari on iPhone", "Edge on Windows", "curl", "", ""]


@given(st.text(), st.text())
def test_what_a_browser_says_of_itself_is_never_shown_as_it_is(user_agent: str, address: str) -> None:
    stored = Stored()
    stored.sessions.open("ada", address=address, user_agent=user_agent)
    [row] = stored.sessions.all()
    assert len(row.browser) <= 40
    assert len(row.address) <= 64
    assert (row.browser + row.address).isascii()
    assert row.browser + row.address == "" or (row.browser + row.address).isprintable()


def test_people_see_and_end_their_own_sessions_and_managers_those_of_everybody(leader: Any) -> None:
    people.add(leader.services.database.people, "ana", "0123456789", Rights("operator", units=("unit1",)))
    of_manager = sign_in(leader, "pioreactor", leader.password, **{"User-Agent": EDGE})
    phone = sign_in(leader, "ana", "0123456789", **{"User-Agent": SAFARI})
    sign_in(leader, "ana", "0123456789", **{"User-Agent": FIREFOX})
    client = leader.client
    rows = {row["browser"]: row for row in client.get("/auth/sessions").json()}
    assert {browser: row["is_own"] for browser, row in rows.items()} == {
        "Firefox on Linux": True,
        "Safari on iPhone": False,
    }
    assert client.delete(f"/auth/sessions/{rows['Safari on iPhone']['id']}").status_code == 200
    here = rows["Firefox on Linux"]["id"]

    client.cookies.clear()
    client.cookies.set(COOKIE, of_manager)
    seen = {row["username"]: row for row in client.get("/auth/sessions").json()}
    assert set(seen) == {"ana", "pioreactor"}
    of_manager_id = seen["pioreactor"]["id"]
    client.cookies.clear()
    client.cookies.set(COOKIE, phone)
    assert client.get("/auth/me").status_code == 401

    sign_in(leader, "ana", "0123456789")
    assert client.delete(f"/auth/sessions/{of_manager_id}").status_code == 404
    client.cookies.clear()
    client.cookies.set(COOKIE, of_manager)
    assert client.delete(f"/auth/sessions/{here}").status_code == 200
    assert client.delete(f"/auth/sessions/{here}").status_code == 404
    assert client.delete("/auth/sessions/%00'--").status_code == 404


def test_a_sign_in_makes_a_new_cookie_and_closes_the_one_that_was_sent(leader: Any) -> None:
    """Session fixation: a planted cookie must never be that of a signed-in person."""
    planted = sign_in(leader, "pioreactor", leader.password)
    people.add(leader.services.database.people, "mia", "0123456789", MANAGER)
    body = {"username": "mia", "password": "0123456789"}
    assert leader.client.post("/auth/sign-in", json={**body, "password": "wrong-password"}).status_code == 401
    assert leader.client.get("/auth/me").json()["username"] == "pioreactor", "a failure ends nothing"
    assert leader.client.post("/auth/sign-in", json=body).status_code == 200
    assert leader.client.cookies[COOKIE] != planted
    assert leader.client.get("/auth/me").json()["username"] == "mia"
    for cookie in (planted, "chosen-by-another"):
        leader.client.cookies.clear()
        leader.client.cookies.set(COOKIE, cookie)
        assert leader.client.get("/auth/me").status_code == 401
    leader.client.cookies.clear()
    given = leader.client.post("/auth/sign-in", json=body, headers={"Cookie": f"{COOKIE}=chosen-by-another"})
    assert given.status_code == 200
    assert leader.client.cookies[COOKIE] != "chosen-by-another"


def test_sessions_on_disk_hold_no_cookie(leader: Any) -> None:
    cookie = sign_in(leader, "pioreactor", leader.password)
    stored = leader.services.unit.stores.persistent(STORE).items()
    assert cookie not in str(stored)
