"""Editing keeps comments and never leaves half a file."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.exc import ConfigurationError
from pioreactor.private_files import write_atomically
from pioreactor.settings.editing import check_local, check_shared, set_value, with_value
from pioreactor.settings.ini import parse_ini

TEXT = """# the lab's file
[stirring.config]
; quick
initial_target_rpm = 400
pwm_hz=200

[mqtt]
broker_address=a;
  b
username=x
[stirring.config]
pwm_hz=300
"""


def test_only_the_value_changes() -> None:
    changed = with_value(TEXT, "stirring.config", "initial_target_rpm", "450")
    assert changed == TEXT.replace("initial_target_rpm = 400", "initial_target_rpm=450")


def test_of_duplicates_the_one_that_counts_changes() -> None:
    changed = with_value(TEXT, "stirring.config", "pwm_hz", "50")
    assert "pwm_hz=200" in changed
    assert parse_ini(changed, where="t")["stirring.config"]["pwm_hz"] == "50"


def test_a_value_over_two_lines_is_replaced_whole() -> None:
    changed = with_value(TEXT, "mqtt", "broker_address", "c")
    assert parse_ini(changed, where="t")["mqtt"] == {"broker_address": "c", "username": "x"}


def test_a_new_key_goes_to_its_section_and_a_new_section_to_the_end() -> None:
    changed = with_value(with_value(TEXT, "mqtt", "use_tls", "1"), "new", "key", "v")
    sections = parse_ini(changed, where="t")
    assert sections["mqtt"]["use_tls"] == "1"
    assert sections["new"] == {"key": "v"}
    assert changed.endswith("\n[new]\nkey=v\n")


_names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=6)
_values = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=8)


@given(st.dictionaries(_names, st.dictionaries(_names, _values, max_size=4), max_size=4), _names, _names, _values)
def test_what_is_set_is_read_and_nothing_else_moves(
    before: dict[str, dict[str, str]], section: str, key: str, value: str
) -> None:
    text = ""
    for name, keys in before.items():
        text += f"# note\n[{name}]\n" + "".join(f"{k} = {v}\n; more\n" for k, v in keys.items())
    expected = parse_ini(text, where="t")
    expected.setdefault(section, {})[key] = value
    assert parse_ini(with_value(text, section, key, value), where="t") == expected


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("a]", "k", "v"), ("a", "k=", "v"), ("a", "#k", "v"), ("a", "k", "v\n[evil]"), ("", "k", "v"), ("a", " ", "v")],
)
def test_nothing_can_be_smuggled_in(section: str, key: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        with_value("", section, key, value)


def test_a_refused_text_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text(TEXT)

    def refuse(_: str) -> None:
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError):
        set_value(path, "mqtt", "username", "y", check=refuse)
    assert path.read_text() == TEXT
    assert [p.name for p in tmp_path.iterdir()] == ["config.ini"]


def test_two_editors_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: set_value(path, "s", f"k{n}", str(n)), range(12)))
    assert parse_ini(path.read_text(), where="t")["s"] == {f"k{n}": str(n) for n in range(12)} | {}


def test_permissions_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.ini"
    path.write_text("")
    path.chmod(0o640)
    write_atomically(path, "[a]\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


SHARED = "[cluster.topology]\nleader_hostname=boss\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n"


def test_a_good_shared_file_passes_and_its_dashes_become_hyphens() -> None:
    assert check_shared(SHARED + "[ui]\ndomain_alias=my\u2013lab\n").endswith("my-lab\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHARED.replace("leader_address=10.0.0.1", ""), "leader_address is missing"),
        (SHARED.replace("[mqtt]", "[other]"), "mqtt"),
        (SHARED.replace("10.0.0.1", "http://10.0.0.1"), "expected a host without http://"),
        (SHARED + "[cluster.addresses]\nw1=https://w1\n", "w1"),
        (SHARED + "[ui]\nport=x\n", "port = 'x'"),
    ],
)
def test_a_bad_shared_file_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        check_shared(text)


def test_a_units_file_is_checked_over_the_shared_one() -> None:
    assert check_local(SHARED, "[PWM]\n1=x\n") == "[PWM]\n1=x\n"
    with pytest.raises(ConfigurationError, match=r"unit_config.ini"):
        check_local(SHARED, "[ui]\nport=x\n")
