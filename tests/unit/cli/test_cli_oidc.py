"""`pio oidc` on a leader, with an issuer on a real socket."""

import io
import json
from dataclasses import replace
from time import time
from typing import Any

import pytest
from tests.unit.web.security.oidc_issuer import CLIENT, issuer_on_loopback

from pioreactor.settings.sections import OidcSettings
from pioreactor.storage.leader.database import LeaderDatabase


def test_the_issuer_is_checked_and_the_secret_is_kept(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    LeaderDatabase.open(desk.runtime.paths.database).close()
    blank = desk.pio("oidc", "check")
    assert (blank.status, "[oidc] issuer is blank" in blank.err) == (1, True)
    with issuer_on_loopback(time) as issuer:
        oidc = OidcSettings(issuer=issuer.url, client_id=CLIENT, panel="https://lab.example/")
        desk.runtime = replace(desk.runtime, settings=replace(desk.runtime.settings, oidc=oidc))
        assert "no secret" in desk.pio("oidc", "check").out
        monkeypatch.setattr("sys.stdin", io.StringIO("a-secret\n"))
        stored = desk.pio("oidc", "secret", "--stdin")
        assert (stored.status, "a-secret" in stored.out + stored.err) == (0, False)
        found = json.loads(desk.pio("oidc", "check", "--json").out)
    assert found["redirect_uri"] == "https://lab.example/auth/oidc/return"
    assert (found["has_secret"], found["algorithms"]) == (True, ["ES256"])
    away = desk.pio("oidc", "check")
    assert (away.status, "does not answer" in away.err) == (1, True)
