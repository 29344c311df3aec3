"""The old names of configuration, identity and logging answer for the unit the code runs on."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pioreactor import config as config_module
from pioreactor import topics, whoami
from pioreactor.bootstrap.simulated import Simulation, build_simulation
from pioreactor.config import ConfigParserMod, config
from pioreactor.logging import create_logger
from pioreactor.messaging.ports import Message
from pioreactor.runtime import context
from pioreactor.structs import Log, decode


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Simulation]:
    simulation = build_simulation(
        units=("u1", "u2"), experiment="e", data_root=tmp_path, config="[bubbler.config]\nrate=3\nquiet=no\nbare\n"
    )
    with context.using(simulation.unit("u1").runtime):
        yield simulation


def test_config_reads_as_plugins_read_it(cluster: Simulation) -> None:
    assert config.getfloat("bubbler.config", "rate") == 3
    assert config.getint("bubbler.config", "absent", fallback=7) == 7
    assert config.getboolean("bubbler.config", "quiet") is False
    assert config["PWM_reverse"]["media"] == "2"
    assert config["leds_reverse"]["IR"] == "A"
    assert config.has_section("bubbler.config")
    assert not config.has_option("bubbler.config", "absent")
    assert "bubbler.config" in config
    assert "bubbler.config" in list(config)
    assert config_module.leader_hostname == "u1"
    assert config_module.leader_address == "localhost"
    assert isinstance(config_module.get_config(), ConfigParserMod)
    with pytest.raises(AttributeError):
        _ = config_module.nonsense


def test_units_that_share_a_process_do_not_share_answers(cluster: Simulation) -> None:
    assert (whoami.get_unit_name(), whoami.am_I_leader()) == ("u1", True)
    with context.using(cluster.unit("u2").runtime):
        assert (whoami.get_unit_name(), whoami.am_I_leader()) == ("u2", False)


def test_identity(cluster: Simulation) -> None:
    assert whoami.get_assigned_experiment_name("u1") == "e"
    assert whoami.get_testing_experiment_name() == "_testing_e"
    assert whoami.am_I_a_worker()
    assert whoami.am_I_active_worker()
    assert whoami.is_active("u2")
    assert whoami.is_testing_env()
    assert whoami.get_pioreactor_model().model_name == "pioreactor_20ml"
    assert whoami.UNIVERSAL_EXPERIMENT == "$experiment"
    assert whoami.UNIVERSAL_IDENTIFIER == "$broadcast"


def test_deprecated_names_warn(cluster: Simulation) -> None:
    with pytest.warns(DeprecationWarning):
        assert whoami.get_latest_experiment_name() == "e"
    with pytest.warns(DeprecationWarning):
        assert whoami.get_latest_testing_experiment_name() == "_testing_e"


def test_a_plugins_logger_reaches_the_bus_and_lets_go(cluster: Simulation) -> None:
    received: list[Message] = []
    cluster.unit("u2").runtime.buses.connect("ear").subscribe(topics.everything(), received.append)
    logger = create_logger("bubbler", experiment="e", source="bubbler-plugin")
    logger.notice("Bubbling.")
    (message,) = received
    assert message.topic == "pioreactor/u1/e/logs/bubbler-plugin/notice"
    assert decode(message.payload, Log).task == "bubbler"
    logger.clean_up()
    logger.info("after the end")
    create_logger("quiet", to_mqtt=False).info("not sent")
    assert len(received) == 1


def test_a_plugins_logger_uses_the_client_it_is_given(cluster: Simulation) -> None:
    sent: list[tuple[str, bytes]] = []

    class Client:
        def publish(self, topic: str, payload: bytes) -> None:
            sent.append((topic, payload))

    create_logger("bubbler", unit="u9", pub_client=Client()).warning("Low.")
    assert sent[0][0] == "pioreactor/u9/$experiment/logs/app/warning"


def test_importing_reads_nothing() -> None:
    import subprocess

    code = "from pioreactor.config import config; import pioreactor.whoami, pioreactor.logging, sys; "
    code += "print('sqlite3' in sys.modules, 'paho' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert shown.stdout == "False False\n"
