"""`pio campaigns`: arms asked for and told on the command line, and run on simulated reactors."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.campaigns.test_campaign_record import DEFINITION

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.campaigns.campaign_progress import CampaignProgress
from pioreactor.cli.cli_context import CliContext
from pioreactor.rehearsal.campaigns_command import campaigns
from pioreactor.rehearsal.simulated_arms import run_simulated
from pioreactor.storage.leader.database import LeaderDatabase

HEAT = """
campaign: heat
factors: [{name: temperature, low: 24, high: 34}]
objective: {expression: celsius - od * 0, from_hours: 0.2}
hours: 0.3
settings: 3
initial: 2
batch: 1
profile: |
  version: "1.0"
  experiment_profile_name: arm
  common:
    jobs:
      temperature_automation:
        actions:
          - type: start
            t: 0
            options: {automation_name: thermostat, target_temperature: "${{ temperature }}"}
"""


@pytest.fixture
def typed(tmp_path: Path) -> "Terminal":
    return Terminal(tmp_path)


class Terminal:
    """A command line on a leader with two units."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        runtime = build_simulation(experiment="e", data_root=folder).unit("unit1").runtime
        self.cli = CliContext({"HOSTNAME": "unit1"}, runtime=runtime)
        database = LeaderDatabase.open(runtime.paths.database)
        database.experiments.create("e")
        for unit in ("unit1", "unit2"):
            database.workers.add(unit)
            database.assignments.assign(unit, "e")
        database.close()

    def __call__(self, *words: str, text: str = "", status: int = 0) -> str:
        found = CliRunner().invoke(campaigns, words, obj=self.cli, input=text)
        assert found.exit_code == status, found.output
        return found.stdout


def test_arms_are_asked_for_and_told(typed: Terminal) -> None:
    assert "pio campaigns ask warm-and-fed" in typed("create", "-", text=DEFINITION)
    assert "warm-and-fed" in typed("list")
    first, second = json.loads(typed("ask", "warm-and-fed", "--json"))
    typed("start", "warm-and-fed", str(first["arm"]))
    assert "0.25" in typed("tell", "warm-and-fed", "1", "--objective", "0.25")
    assert json.loads(typed("tell", "warm-and-fed", str(second["arm"]), "--failed", "--json"))[0]["objective"] is None
    typed("tell", "warm-and-fed", "1", status=2)
    typed("tell", "warm-and-fed", "1", "--recorded", status=1)
    given = '[{"temperature": 36.0, "media": 0.5}]'
    assert json.loads(typed("ask", "warm-and-fed", "--given", "-", "--json", text=given))[0]["setting"] == 2
    typed("ask", "warm-and-fed", "--given", "-", text="[1]", status=1)
    shown = json.loads(typed("show", "warm-and-fed", "--json"))
    assert [arm["status"] for arm in shown["arms"]] == ["done", "done", "waiting"]
    assert "# Campaign warm-and-fed" in typed("report", "warm-and-fed")
    assert "Ended" in typed("end", "warm-and-fed")


def test_a_campaign_on_simulated_reactors_is_continued_where_it_was(typed: Terminal, tmp_path: Path) -> None:
    database = LeaderDatabase.open(tmp_path / "campaign.sqlite")
    database.experiments.create("e")
    database.campaigns.create("heat", "e", HEAT)
    progress = CampaignProgress.of(database.campaigns, "heat", ["unit1"])
    progress.ask()
    database.campaigns.start("heat", 1)  # as if the power had failed
    seen: list[int] = []
    run_simulated(progress, {}, 1, lambda arm, _: seen.append(arm.arm))
    arms = database.campaigns.arms("heat")
    assert seen == [1, 2, 3]
    for arm in arms:
        assert arm.objective == pytest.approx(arm.suggestion.setting["temperature"], abs=3.0), arm.note
    database.close()
