"""The generator of load publishes what a unit publishes: a leader stores each of its records."""

import pytest
from bench.site.units import PUBLISHED, Publishes, names, timestamp

from pioreactor import topics
from pioreactor.background_jobs.leader.topic_parsers import rows_of


@pytest.mark.parametrize("each", PUBLISHED, ids=lambda each: each.rest)
def test_what_is_recorded_becomes_rows(each: Publishes) -> None:
    payload = each.payload.replace("{at}", timestamp()).replace("{n}", "1234")
    assert "{" + "at" not in payload
    rows = rows_of(topics.event(names(1)[0], "site", each.rest), payload.encode(), timestamp())
    assert bool(rows) or not each.is_recorded
