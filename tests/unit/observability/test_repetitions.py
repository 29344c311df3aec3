"""A warning that comes again and again is reported once, counted, and reported when it is over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.observability.log import CustomLogger, create_logger
from pioreactor.structs.events import Log


class Stage:
    """A logger with a clock that the test moves, and what its targets got."""

    def __init__(self, folder: Path) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)
        self.sent: list[Log] = []
        self.file = folder / "log"
        self.logger: CustomLogger = create_logger(
            "od_reading",
            unit="unit1",
            experiment="exp",
            sink=lambda _topic, record: self.sent.append(record),
            log_file=self.file,
            now=lambda: self.time,
        )

    def repeat(self, number: int, every_s: float = 5.0) -> None:
        for turn in range(number):
            self.time += timedelta(seconds=every_s)
            self.logger.warning("OD of channel %s is %.2f.", "2", turn / 7)

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.logger.report_repetitions()

    @property
    def messages(self) -> list[str]:
        return [record.message for record in self.sent]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_repeated_warning_is_reported_once_and_when_it_is_over(stage: Stage) -> None:
    stage.repeat(100)
    assert stage.messages == ["OD of channel 2 is 0.00."]
    stage.wait(61)
    assert stage.messages[1:] == ["Over: OD of channel 2 is 0.00. (99 repetitions in 495 s)"]
    assert len(stage.file.read_text().splitlines()) == 2
    stage.repeat(1)
    assert len(stage.messages) == 3


def test_a_day_of_repetitions_takes_a_line_per_hour(stage: Stage) -> None:
    stage.repeat(17_280)
    assert len(stage.messages) == 24
    assert stage.messages[1] == "OD of channel 2 is 0.00. (720 more of these in the last hour)"


def test_what_differs_in_more_than_numbers_is_not_a_repetition(stage: Stage) -> None:
    stage.logger.warning("The %s pump did not run: %s", "media", "in use")
    stage.logger.warning("The %s pump did not run: %s", "waste", "in use")
    stage.logger.error("The %s pump did not run: %s", "waste", "in use")
    stage.logger.warning("0.3 mL were recorded.")
    stage.logger.warning("0.4 mL were recorded.")
    assert len(stage.messages) == 5


def test_events_are_never_counted_instead_of_reported(stage: Stage) -> None:
    for _ in range(3):
        stage.logger.info("Ready.")
        stage.logger.notice("Calibrated.")
    assert len(stage.messages) == 6


def test_the_end_of_a_job_reports_what_was_counted(stage: Stage) -> None:
    stage.repeat(3)
    stage.logger.clean_up()
    assert stage.messages[-1] == "Over: OD of channel 2 is 0.00. (2 repetitions in 10 s)"


def test_a_warning_that_comes_rarely_is_reported_each_time(stage: Stage) -> None:
    stage.repeat(5, every_s=700)
    assert len(stage.messages) == 5


def test_a_warning_that_comes_every_few_minutes_is_reported_thrice(stage: Stage) -> None:
    stage.repeat(20, every_s=120)
    assert len(stage.messages) == 3
