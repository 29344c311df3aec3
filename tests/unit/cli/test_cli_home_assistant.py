"""`pio home-assistant` on a leader with a database and a broker of its own."""

import json
from typing import Any

from pioreactor.cluster.leader_setup import broker_files
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.rights import Rights


def test_it_is_switched_on_given_a_token_and_switched_off(desk: Any) -> None:
    paths = desk.runtime.paths
    broker_files(paths).write_configuration(port=1883)
    database = LeaderDatabase.open(paths.database)
    database.people.add("ada", "hash", Rights("operator"))
    database.close()
    assert desk.pio("home-assistant", "status").out == "Units are not announced to Home Assistant.\n"

    enabled = desk.pio("home-assistant", "enable").out
    assert "user home-assistant" in enabled and "Password: " in enabled and "no one: it only reads" in enabled
    assert "Password" not in desk.pio("home-assistant", "status").out
    assert desk.pio("home-assistant", "enable", "--token", "none").status == 1

    desk.pio("tokens", "create", "ha")
    found = json.loads(desk.pio("home-assistant", "enable", "--token", "ha", "--json").out)
    assert (found["commands_by"], found["password"]) == ("ada", None)
    assert "It commands for ada." in desk.pio("home-assistant", "status").out

    assert desk.pio("home-assistant", "disable").status == 1, "the question was not answered"
    assert desk.pio("home-assistant", "disable", "--yes").status == 0
    assert broker_files(paths).accounts() == []
