"""Whatever `pio status` finds, it says what to do about it."""

import ast
import inspect
import json
import re
from typing import Any

import pytest
from tests.unit.house.test_docs_speak_the_truth import fault_in

from pioreactor.cli import status_checks
from pioreactor.cli.status_checks import Result
from pioreactor.cluster.certificates import TlsFiles, make_authority


def remedies() -> list[str]:
    """Return the remedies in the source, where their text stands there."""
    calls = [each for each in ast.walk(ast.parse(inspect.getsource(status_checks))) if isinstance(each, ast.Call)]
    given = [call.args[1] for call in calls if ast.unparse(call.func) in ("_warn", "_fail") and len(call.args) > 1]
    return [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_a_finding_cannot_be_made_without_a_cure() -> None:
    for verdict in ("WARN", "FAIL"):
        with pytest.raises(ValueError, match="needs a remedy"):
            Result(verdict, "broken")
    with pytest.raises(ValueError, match="needs a remedy"):
        Result("OK", "all is well", "nothing")


def test_the_commands_that_cures_name_exist() -> None:
    named = [words for remedy in remedies() for words in re.findall(r"pios? [a-z-]+(?: [a-z-]+)?", remedy)]
    assert len(named) > 10
    assert {words: fault for words in named if (fault := fault_in(words.split()))} == {}


def test_every_finding_on_a_unit_where_little_works_has_a_cure(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as past:
        past.setattr("pioreactor.cluster.certificates.VALID_UNTIL", "20210101000000Z")
        make_authority(TlsFiles(desk.runtime.paths.tls), "1")
    typed = desk.pio("status", "--json")
    findings = [one for one in json.loads(typed.out)["checks"] if one["verdict"] != "OK"]
    assert {one["check"] for one in findings} >= {"certificates", "jobs:running", "storage:logs", "services:web"}
    assert [one["check"] for one in findings if not one["remedy"]] == []
    shown = desk.pio("status").out
    assert "pio cluster renew-certificates" in shown
    assert all(one["remedy"] in shown for one in findings)
