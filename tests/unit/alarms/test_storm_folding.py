"""Messages are prompt as a rule, and few in a storm; quiet hours follow the clock."""

import random
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.alarms.channels import Channel, QuietHours
from pioreactor.alarms.pacing import CALM_S, GATHER_S, StormFolding
from pioreactor.exc import InvalidRequestError


def messages(events: list[tuple[float, str]], *, until_s: float) -> list[tuple[float, int]]:
    """Return when messages are made, with how many events, of events at these times."""
    folding, waiting, made, at_s = StormFolding(), 0, [], 0.0
    pending = sorted(events)
    while at_s < until_s:
        while pending and pending[0][0] <= at_s:
            folding.add(pending.pop(0)[1], at_s)
            waiting += 1
        if folding.is_due(at_s):
            folding.told(at_s)
            made.append((at_s, waiting))
            waiting = 0
        at_s += 1.0
    return made


def test_one_alarm_is_told_at_once() -> None:
    assert messages([(10.0, "high")], until_s=60) == [(10.0 + GATHER_S, 1)]


def test_alarms_far_apart_are_each_told_at_once() -> None:
    events = [(n * (CALM_S + 1), "high") for n in range(5)]
    assert [round(at_s - events[n][0]) for n, (at_s, _) in enumerate(messages(events, until_s=2000))] == [2] * 5


@given(st.integers(0, 1000), st.sampled_from([1.0, 30.0, 500.0]))
@settings(max_examples=20)
def test_a_thousand_events_make_at_most_three_messages_with_every_event(seed: int, over_s: float) -> None:
    source = random.Random(seed)
    made = messages([(source.uniform(0, over_s), "high") for _ in range(1000)], until_s=over_s + 100)
    assert len(made) <= 3
    assert sum(count for _, count in made) == 1000


def test_the_first_critical_alarm_of_a_storm_does_not_wait() -> None:
    events = [(float(n), "high") for n in range(100)] + [(50.0, "critical")]
    assert any(50.0 <= at_s <= 53.0 for at_s, _ in messages(events, until_s=55))


def test_quiet_hours_may_pass_midnight() -> None:
    night = QuietHours("22:00", "07:00")
    at = {hour: night.holds(datetime(2026, 11, 29, hour)) for hour in (21, 22, 3, 7)}
    assert at == {21: False, 22: True, 3: True, 7: False}
    channel = Channel(name="mail", kind="email", quiet=night)
    midnight = datetime(2026, 11, 29)
    assert channel.is_quiet("high", midnight)
    assert not channel.is_quiet("critical", midnight)


@pytest.mark.parametrize("start", ["24:00", "7:00", "22:00\n", "now"])
def test_quiet_hours_that_are_no_times_are_refused(start: str) -> None:
    with pytest.raises(InvalidRequestError):
        Channel(name="mail", kind="email", quiet=QuietHours(start, "07:00")).checked()


def test_a_channel_tells_what_it_was_made_for() -> None:
    channel = Channel(name="mail", kind="email", lowest="high", units=["unit1"], tells_clearing=False)
    assert channel.tells("raised", "critical", "unit1")
    assert not channel.tells("raised", "medium", "unit1")
    assert not channel.tells("raised", "high", "unit2")
    assert not channel.tells("cleared", "high", "unit1")
    assert Channel(name="boss", kind="email", only_escalated=True).tells("escalated", "high", "unit1")
    assert not Channel(name="boss", kind="email", only_escalated=True).tells("raised", "high", "unit1")
