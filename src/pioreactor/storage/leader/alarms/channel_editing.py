"""Changes of channels, from the API and the command line: secrets go to their own file, and are shown masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from pioreactor.alarms.channel_fields import MASK, check_fields, secrets_of
from pioreactor.alarms.channels import Channel
from pioreactor.alarms.records import Notice
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.alarms import AlarmDatabase
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

TEST_NOTICE: Final = Notice(
    title="Test message", text="Messages about alarms arrive here. This is a test: nothing is wrong.", severity="low"
)


class ChannelEditing:
    """Channels of a cluster with their secrets."""

    def __init__(self, database: AlarmDatabase, secrets: ChannelSecrets) -> None:
        self._database = database
        self._secrets = secrets

    def all(self) -> list[Channel]:
        """Return the channels, secrets among their options, masked."""
        return [self._masked(channel) for channel in self._database.channels.all()]

    def put(self, name: str, values: Mapping[str, object]) -> Channel:
        """Make a channel, or replace fields of one; options that are not given, or masked, stay.

        Raise `InvalidRequestError`.
        """
        before = self._stored(name)
        is_same_kind = values.get("kind", before.get("kind")) == before.get("kind")
        channel = _merged(name, before if is_same_kind else {}, values)
        names = secrets_of(channel)
        secrets = self._secrets.of(name) if is_same_kind else {}
        secrets |= {key: value for key, value in channel.options.items() if key in names and value != MASK}
        secrets = {key: value for key, value in secrets.items() if value}
        public = {key: value for key, value in channel.options.items() if key not in names}
        channel = msgspec.structs.replace(channel, options=public).checked()
        check_fields(channel, secrets)
        self._secrets.put(name, secrets)
        self._database.channels.put(channel)
        return self._masked(channel)

    def _stored(self, name: str) -> dict[str, object]:
        """Return the fields of a channel, none when there is none of that name."""
        try:
            found: dict[str, object] = msgspec.to_builtins(self._database.channels.get(name))
        except NotFoundError:
            return {}
        return found

    def remove(self, name: str) -> None:
        """Remove a channel with its secrets; raise `NotFoundError`."""
        self._database.channels.remove(name)
        self._secrets.remove(name)

    def test(self, name: str) -> int:
        """Queue a test message, and return its number; raise `NotFoundError`."""
        self._database.channels.get(name)
        return self._database.deliveries.add(name, TEST_NOTICE)

    def _masked(self, channel: Channel) -> Channel:
        shown = dict.fromkeys(self._secrets.of(channel.name), MASK)
        return msgspec.structs.replace(channel, options={**channel.options, **shown})


def _merged(name: str, before: Mapping[str, object], values: Mapping[str, object]) -> Channel:
    """Return a channel with some fields replaced, options one by one; raise `InvalidRequestError`."""
    kept, given = before.get("options", {}), values.get("options", {})
    if not isinstance(given, Mapping) or not isinstance(kept, Mapping):
        raise InvalidRequestError("options is an object of texts")
    try:
        return msgspec.convert({**before, **values, "name": name, "options": {**kept, **given}}, Channel)
    except msgspec.ValidationError as error:
        raise InvalidRequestError(f"this is not a channel: {error}") from error
