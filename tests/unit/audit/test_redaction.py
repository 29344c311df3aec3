"""What of a request the audit trail keeps."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.audit.redaction import MAX_ITEMS, MAX_TEXT, kept_details, redacted

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
