"""A worker takes from its leader what it needs to report that the leader is dead, and from no one else."""

from typing import Any

from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets
from pioreactor.storage.leader.alarms.leader_watch_file import read_leader_watch

BODY = {
    "rank": 1,
    "channels": [{"name": "phone", "kind": "ntfy"}],
    "secrets": {"phone": {"url": "https://a/b"}},
}


def test_channels_are_stored_with_their_secrets(worker: Any, unit: Any) -> None:
    assert worker.put("/unit_api/system/leader_watch", json=BODY).status_code == 204
    stored = read_leader_watch(unit.paths.secrets)
    assert (stored.rank, [one.name for one in stored.channels]) == (1, ["phone"])
    assert ChannelSecrets(unit.paths.secrets).of("phone") == {"url": "https://a/b"}
    for bad in ({}, {**BODY, "rank": -1}, {**BODY, "more": 1}, {**BODY, "channels": [{"name": "phone"}]}):
        assert worker.put("/unit_api/system/leader_watch", json=bad).status_code == 400
    del worker.headers["Authorization"]
    assert worker.put("/unit_api/system/leader_watch", json=BODY).status_code == 401
