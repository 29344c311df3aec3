"""What of a request the audit trail keeps."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.alarms.channel_fields import CHANNEL_FIELDS
from pioreactor.audit.command_spool import report
from pioreactor.audit.redaction import MAX_ITEMS, MAX_TEXT, kept_details, redacted

ROOT = Path(__file__).resolve().parents[3]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize("name", ["password", "Passphrase", "token", "secret", "present", "new", "api_key"])
def test_secrets_are_left_out_at_any_depth(name: str) -> None:
    kept = kept_details(json.dumps({"a": [{"b": {name: "hunter2-hunter2"}}], name: "hunter2-hunter2"}).encode())
    assert "hunter2" not in kept
    assert "***" in kept


def test_no_secret_of_a_channel_is_kept_from_a_request_or_a_command(tmp_path: Path) -> None:
    for kind, fields in CHANNEL_FIELDS.items():
        secrets = {field.name: f"https://hunter2@lab.org/{kind}/hunter2?hunter2" for field in fields if field.is_secret}
        assert "hunter2" not in kept_details(msgspec.json.encode({"kind": kind, "options": secrets}))
        argv = ["alarms", "channel", "a", *(f"{name}={value}" for name, value in secrets.items())]
        report(tmp_path, argv, account="root", status=0, sent_at="2026-11-29T22:00:00.000Z")
    assert b"hunter2" not in (tmp_path / "commands.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://hooks.example/T0/secret", "https://hooks.example/***"),
        ("http://ana:secret@lab.org?secret", "http://lab.org/***"),
        ("tgram://secret/42", "tgram://***"),
        ("secret", "***"),
        ("a secret://b", "***"),
    ],
)
def test_of_an_address_no_part_that_may_be_secret_is_kept(address: str, kept: str) -> None:
    assert redacted({"url": address}) == {"url": kept}


NOT_SECRET = {
    *(
        "author",
        "authority",
        "channel_key",
        "chart_key",
        "error_code",
        "is_secret",
        "key",
        "keys",
        "overview_chart_keys",
    ),
    *("payload_key", "pioreactor_chart_keys", "public_key", "recovery_codes_left", "result_url_path"),
    *("has_secret", "renew_password"),  # switches
    # Only in answers, which are not recorded.
    *("recovery_codes", "secrets"),
}


def test_a_field_of_the_api_that_looks_like_a_secret_is_one_or_is_said_to_be_none() -> None:
    api = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text())
    found = {name for schema in api["components"]["schemas"].values() for name in schema.get("properties", {})}
    suspect = {name for name in found if re.search("pass|secret|token|key|code|credential|url|auth", name)}
    assert {name for name in suspect if redacted({name: "hunter2"}) == {name: "hunter2"}} <= NOT_SECRET


def test_a_null_or_a_switch_is_no_secret() -> None:
    assert redacted({"token": None, "password": True}) == {"token": None, "password": True}


def test_long_texts_and_lists_are_cut_and_say_so() -> None:
    text = redacted("x" * (MAX_TEXT + 1))
    assert isinstance(text, str)
    assert f"{MAX_TEXT + 1} characters, SHA-256" in text
    items = redacted([0] * (MAX_ITEMS + 3))
    assert isinstance(items, list)
    assert items[-1] == "… 3 more"


@given(JSON)
def test_whatever_is_sent_becomes_json(value: object) -> None:
    assert msgspec.json.decode(kept_details(msgspec.json.encode(value))) is not None


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b"not json"])
def test_of_what_is_not_json_only_the_length_is_kept(body: bytes) -> None:
    assert msgspec.json.decode(kept_details(body)) == {"length_bytes": len(body)}
