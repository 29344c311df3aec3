"""A record reaches its targets, once, without colors and without secrets."""

import io
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor.observability.formats import Redactor
from pioreactor.observability.log import NOTICE, create_logger, level_number
from pioreactor.structs import Log, decode, encode

MOMENT = datetime(2026, 11, 22, 8, 50, 37, 895_000, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Taken(list[tuple[str, Log]]):
    def __call__(self, topic: str, log: Log) -> None:
        self.append((topic, log))


def test_the_wire_form_is_the_one_parsers_expect() -> None:
    taken = Taken()
    logger = create_logger("stirring", unit="u1", experiment="exp 1", sink=taken, now=lambda: MOMENT)

    logger.notice("Speed %s RPM.", 500)

    ((topic, log),) = taken
    assert topic == "pioreactor/u1/exp 1/logs/app/notice"
    assert encode(log) == (
        b'{"message":"Speed 500 RPM.","level":"NOTICE","source":"app","task":"stirring",'
        b'"timestamp":"2026-11-22T08:50:37.895Z","taskName":null}'
    )
    assert decode(encode(log), Log) == log


def test_a_traceback_belongs_to_the_message_and_terminal_codes_do_not() -> None:
    taken = Taken()
    logger = create_logger("job", unit="u", experiment="e", source="my-plugin", sink=taken, now=lambda: MOMENT)
    try:
        raise ValueError("no water")
    except ValueError:
        logger.error("\x1b[31mFailed.\x1b[0m", exc_info=True)

    ((topic, log),) = taken
    assert topic.endswith("/logs/my-plugin/error")
    assert log.message.startswith("Failed.\nTraceback")
    assert log.message.endswith("ValueError: no water")


def test_a_file_gets_whole_lines_and_is_followed_when_rotated(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor.log"
    logger = create_logger("job", unit="u", experiment="e", log_file=path, now=lambda: MOMENT)
    logger.info("one")
    path.rename(tmp_path / "pioreactor.log.1")
    logger.warning("two ünï")
    path.unlink()
    logger.notice("three")
    logger.clean_up()
    logger.info("after the end")

    assert (tmp_path / "pioreactor.log.1").read_text() == "2026-11-22T08:50:37.895Z INFO     [job] one\n"
    assert path.read_text() == "2026-11-22T08:50:37.895Z NOTICE   [job] three\n"


def test_a_file_that_cannot_be_written_does_not_stop_the_others(tmp_path: Path) -> None:
    taken = Taken()
    path = tmp_path / "absent" / "pioreactor.log"
    logger = create_logger("job", unit="u", experiment="e", log_file=path, sink=taken)
    logger.info("one")
    path.parent.mkdir()
    logger.info("two")
    logger.clean_up()
    assert [log.message for _, log in taken] == ["one", "two"]
    assert "two" in path.read_text()


def test_colour_is_for_terminals_and_levels_are_respected() -> None:
    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        logger = create_logger("job", unit="u", experiment="e", console=stream, console_level="notice")
        logger.info("quiet")
        logger.notice("loud")
    assert "quiet" not in plain.getvalue()
    assert "\x1b" not in plain.getvalue()
    assert plain.getvalue().endswith("NOTICE   [job] loud\n")
    assert terminal.getvalue().startswith("\x1b[1;36m")


def test_secrets_are_in_no_target(tmp_path: Path) -> None:
    taken, stream, path = Taken(), io.StringIO(), tmp_path / "log"
    logger = create_logger(
        "job", unit="u", experiment="e", sink=taken, console=stream, log_file=path, secrets=["hunter22", ""]
    )
    logger.info("connecting as lab:hunter22@broker")
    logger.info("sent Authorization: Bearer abc.def-123 to %s", "w1")
    try:
        raise RuntimeError("hunter22 was refused")
    except RuntimeError:
        logger.exception("Refused.")
    logger.clean_up()

    for text in (str(taken), stream.getvalue(), path.read_text()):
        assert "hunter22" not in text
        assert "abc.def" not in text
        assert "to w1" in text


@pytest.mark.parametrize(
    "text",
    ['{"password": "s3cret99"}', "password=s3cret99", "token: 's3cret99'", "Basic s3cret99", "api_key=s3cret99&x=1"],
)
def test_what_stands_where_a_credential_stands_is_hidden(text: str) -> None:
    assert "s3cret99" not in Redactor()(text)


def test_ordinary_sentences_stay() -> None:
    for text in ("Basics of stirring: password required.", "token missing", "pumped 1 mL"):
        assert Redactor(["ab"])(text) == text


def test_a_sink_that_fails_or_logs_does_not_hurt() -> None:
    messages: list[str] = []

    def sink(topic: str, log: Log) -> None:
        messages.append(log.message)
        logger.warning("the sink logs too")
        raise ConnectionError("broker away")

    logger = create_logger("job", unit="u", experiment="e", sink=sink)
    logger.info("one")
    logger.info("two")
    assert messages == ["one", "two"]


def test_loggers_do_not_share_and_do_not_stay() -> None:
    first, second = Taken(), Taken()
    create_logger("job", unit="u1", experiment="e", sink=first).info("a")
    create_logger("job", unit="u2", experiment="e", sink=second).info("b")
    assert [t.split("/")[1] for t, _ in first + second] == ["u1", "u2"]
    assert "job" not in logging.Logger.manager.loggerDict


def test_levels_by_name() -> None:
    assert level_number("Notice") == NOTICE == 25
    with pytest.raises(KeyError):
        level_number("loud")
