"""Records of a whole process go to one log file, in which repetitions are counted."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from pioreactor.observability.log import create_logger, logging_to


class Process:
    def __init__(self, folder: Path) -> None:
        self.time = datetime(2030, 1, 1, tzinfo=UTC)
        self.file = folder / "log"
        self.logger = create_logger("web", unit="u", experiment="e", log_file=self.file, now=lambda: self.time)

    def lines(self) -> list[str]:
        return [line.partition(" ")[2] for line in self.file.read_text().splitlines()]


def test_repetitions_of_any_module_and_library_are_collapsed(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with logging_to(process.logger, level=logging.INFO):
        for turn in range(100):
            process.time += timedelta(seconds=5)
            logging.getLogger("pioreactor.web").warning("%s does not respond (%d)", "unit3", turn)
            logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
            logging.getLogger("uvicorn.error").info("of a library")
            logging.getLogger("pioreactor.web").debug("below the level")
        logging.getLogger("pioreactor.web").info("unit3 has a token of its own now.")
    logging.getLogger("pioreactor.web").error("after the end")
    assert process.lines() == [
        "WARNING  [pioreactor.web] unit3 does not respond (0)",
        "WARNING  [uvicorn.error] Invalid HTTP request received.",
        "INFO     [pioreactor.web] unit3 has a token of its own now.",
        "INFO     [web] Over: unit3 does not respond (0) (99 repetitions in 495 s)",
        "INFO     [web] Over: Invalid HTTP request received. (99 repetitions in 495 s)",
    ]


def test_the_end_of_repetitions_is_reported_without_a_further_record(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with logging_to(process.logger, level=logging.INFO, report_every_s=0.01):
        for _ in range(3):
            logging.getLogger("pioreactor.web").error("the database cannot be written")
        process.time += timedelta(hours=1)
        for _ in range(500):
            if "Over" in process.file.read_text():
                break
            Event().wait(0.01)
    assert process.lines() == [
        "ERROR    [pioreactor.web] the database cannot be written",
        "INFO     [web] Over: the database cannot be written (2 repetitions in 0 s)",
    ]


def test_an_unexpected_error_has_its_traceback_once(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with logging_to(process.logger, level=logging.INFO):
        for _ in range(3):
            try:
                raise KeyError("x")
            except KeyError as error:
                logging.getLogger("pioreactor.web").error("%s %s failed", "GET", "/api/x", exc_info=error)
    assert process.file.read_text().count("Traceback") == 1
