"""Configuration from the command line, without anything but the files."""

import json
from pathlib import Path

import pytest

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.exit_codes import run
from pioreactor.cli.tree import pio

SHARED = """# shared
[cluster.topology]
leader_hostname=boss
leader_address=10.0.0.1
[mqtt]
password=hunter2
[stirring.config]
initial_target_rpm=400
"""


class Shell:
    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.shared, self.local = root / "config.ini", root / "unit_config.ini"
        self.capsys = capsys
        self.environment = {"DOT_PIOREACTOR": str(root), "HOSTNAME": "w1"}
        self.shared.write_text(SHARED)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = run(pio, ["config", *words], obj=CliContext(self.environment))
        said = self.capsys.readouterr()
        return status, said.out, said.err


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_get_prints_the_value_in_force_or_of_one_file(shell: Shell) -> None:
    shell.local.write_text("[stirring.config]\ninitial_target_rpm=300\n")
    assert shell("get", "stirring.config", "initial_target_rpm")[:2] == (0, "300\n")
    assert shell("get", "stirring.config", "initial_target_rpm", "--shared")[1] == "400\n"
    assert shell("get", "stirring.config", "pwm_hz")[1] == "200\n"
    assert shell("get", "mqtt", "password")[1] == "hunter2\n"
    status, _, err = shell("get", "stirring.confg", "pwm_hz")
    assert status == 1
    assert "Did you mean 'stirring.config'?" in err
    assert "Did you mean 'pwm_hz'?" in shell("get", "stirring.config", "pwmhz")[2]


def test_set_writes_the_units_file(shell: Shell) -> None:
    status, out, _ = shell("set", "stirring.config", "pwm_hz", "150", "--specific")
    assert status == 0
    assert "pwm_hz = 150 in unit_config.ini" in out
    assert shell.local.read_text() == "[stirring.config]\npwm_hz=150\n"
    assert shell.shared.read_text() == SHARED


def test_set_refuses_a_volume_that_the_vial_of_this_unit_does_not_hold(shell: Shell) -> None:
    status, _, err = shell("set", "bioreactor", "efflux_tube_volume_ml", "60", "--specific")
    assert (status, shell.local.exists()) == (1, False)
    assert "expected a number from 0 to 40 [mL] for the model of this unit" in err
    assert shell("set", "bioreactor", "efflux_tube_volume_ml", "39", "--specific")[0] == 0


def test_set_refuses_what_no_job_could_start_with(shell: Shell) -> None:
    status, _, err = shell("set", "stirring.config", "pwm_hz", "quick", "--specific")
    assert status == 1
    assert "expected a number above 0" in err
    assert not shell.local.exists()
    shell.environment["HOSTNAME"] = "boss"
    status, _, err = shell("set", "cluster.topology", "leader_address", "http://10.0.0.1", "--shared")
    assert status == 1
    assert shell.shared.read_text() == SHARED


def test_the_shared_file_is_the_leaders(shell: Shell) -> None:
    status, _, err = shell("set", "stirring.config", "pwm_hz", "150", "--shared")
    assert status == 1
    assert "is on boss" in err
    shell.environment["HOSTNAME"] = "boss"
    assert shell("set", "stirring.config", "pwm_hz", "150", "--shared")[0] == 0
    assert shell.shared.read_text() == SHARED + "pwm_hz=150\n"
    assert shell("set", "stirring.config", "pwm_hz", "150")[0] == 2


def test_a_broken_file_can_be_repaired_with_set(shell: Shell) -> None:
    shell.local.write_text("[stirring.config]\npwm_hz=quick\n")
    assert shell("get", "stirring.config", "pwm_hz")[:2] == (0, "200\n")
    assert "pwm_hz = 'quick'" in shell("show")[2]
    assert shell("set", "stirring.config", "pwm_hz", "150", "--specific")[0] == 0
    assert shell("get", "stirring.config", "pwm_hz")[:2] == (0, "150\n")
    assert shell("show")[2] == ""


def test_one_of_two_faults_can_be_repaired(shell: Shell) -> None:
    shell.local.write_text("[leds]\na=IR\n[stirring.config]\npwm_hz=quick\n")
    assert shell("set", "stirring.config", "pwm_hz", "150", "--specific")[0] == 0
    status, _, err = shell("set", "stirring.config", "initial_target_rpm", "fast", "--specific")
    assert status == 1
    assert "initial_target_rpm = 'fast'" in err


def test_a_negative_number_is_a_value(shell: Shell) -> None:
    assert shell("set", "gas_valve.config", "offset_s", "-2.5", "--specific")[0] == 0
    assert shell("get", "gas_valve.config", "offset_s")[1] == "-2.5\n"


def test_show_hides_secrets_and_names_sources(shell: Shell) -> None:
    shell.local.write_text("[stirring.config]\npwm_hz=150\ninitial_target_rmp=3\n")
    status, out, err = shell("show", "--with-source", "--json")
    shown = json.loads(out)
    assert status == 0
    assert shown["mqtt"]["password"] == {"value": "(hidden)", "source": "global"}
    assert shown["stirring.config"]["pwm_hz"] == {"value": "150", "source": "local"}
    assert shown["stirring.config"]["use_rpm"]["source"] == "default"
    assert shown["cluster.addresses"]["boss"] == {"value": "10.0.0.1", "source": "derived"}
    assert "Did you mean initial_target_rpm?" in err
    assert "hunter2" not in shell("show")[1]


def test_show_narrows(shell: Shell) -> None:
    assert json.loads(shell("show", "--section", "ui", "--key", "port", "--json")[1]) == {"ui": {"port": "80"}}
    assert "Did you mean 'bioreactor'?" in shell("show", "--section", "bioreaktor")[2]
    assert shell("show", "--key", "nothing")[0] == 1
    assert "a number from 0 to 100 [%]" in shell("show", "--section", "stirring.config", "--help-keys")[1]
