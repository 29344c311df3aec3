"""Modules that are put off while the MQTT client is imported: other threads find them whole."""

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pioreactor.messaging import lazy_paho


@pytest.mark.parametrize(
    ("name", "attribute"), [("hashlib", "sha256"), ("ssl", "SSLContext"), ("urllib.request", "urlopen")]
)
def test_a_thread_that_meets_a_placeholder_gets_the_module(
    name: str, attribute: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module(name)
    for deferred in ("ssl", "hashlib", "urllib.request"):
        importlib.import_module(deferred)
    for deferred in ("ssl", "hashlib", "urllib.request"):
        monkeypatch.delitem(sys.modules, deferred)
    with lazy_paho._deferred_modules(), ThreadPoolExecutor(4) as threads:
        placeholder = sys.modules[name]
        assert type(placeholder) is not type(real)
        found = list(threads.map(lambda _: getattr(importlib.import_module(name), attribute), range(8)))
        late = getattr(placeholder, attribute)
    assert all(callable(one) for one in found)
    assert late is found[0]
    assert type(sys.modules[name]) is type(real)
