"""Units of one cluster may have neighboring versions: what one sends, the other reads."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pioreactor import structs

RECORD = Path(__file__).with_name("required_fields.json")
"""Fields that each message of version 27.0 must have. A later version may drop some, and must not ask for more."""


def messages() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield every struct that goes between units, by its name."""
    for module in pkgutil.iter_modules(structs.__path__):
        found = importlib.import_module(f"{structs.__name__}.{module.name}")
        for name, kind in vars(found).items():
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == found.__name__:
                yield f"{module.name}.{name}", kind


MESSAGES = dict(messages())


def required(kind: type[msgspec.Struct]) -> list[str]:
    return sorted(field.encode_name for field in msgspec.structs.fields(kind) if field.required)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_may_have_fields_of_a_later_version(name: str) -> None:
    assert not MESSAGES[name].__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_of_an_earlier_version_has_all_that_is_required(name: str) -> None:
    known = json.loads(RECORD.read_text())
    if name in known:
        assert set(required(MESSAGES[name])) <= set(known[name]), "give a new field a default"


def test_no_message_of_an_earlier_version_is_unknown() -> None:
    assert set(json.loads(RECORD.read_text())) <= set(MESSAGES)
