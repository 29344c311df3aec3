"""`pio simulate --config`: reactors with the configuration of a file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from pioreactor.cli.simulate import simulate


def test_reactors_have_the_configuration_of_a_file(tmp_path: Path) -> None:
    config, out = tmp_path / "unit_config.ini", tmp_path / "out"
    config.write_text("[stirring.config]\ninitial_target_rpm=321\n")
    words = ["--hours", "0.01", "--job", "stirring", "--config", str(config), "--out", str(out), "--no-csv", "--json"]
    done = CliRunner().invoke(simulate, words)
    assert done.exit_code == 0, done.output
    with closing(sqlite3.connect(out / "pioreactor.sqlite")) as database:
        [(measured,)] = database.execute("SELECT avg(measured_rpm) FROM stirring_rates")
    assert 250 < measured < 390
