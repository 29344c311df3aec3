"""Adapters of alarms: the leader's database, and notifiers with the secrets of this unit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.alarms.channels import Channel
    from pioreactor.clock.ports import Clock
    from pioreactor.notifiers.mqtt_notifier import PublishingBus
    from pioreactor.notifiers.ports import Notifier
    from pioreactor.settings.schema import Settings
    from pioreactor.storage.leader.alarms import AlarmDatabase
    from pioreactor.storage.paths import Paths


def alarm_database_opener(settings: Settings, paths: Paths, clock: Clock) -> Callable[[], AlarmDatabase]:
    """Return what opens the tables of alarms."""

    def open_alarms() -> AlarmDatabase:
        from pioreactor.storage.leader.alarms import AlarmDatabase

        return AlarmDatabase(paths.database_named(settings.storage.database), now=clock.now)

    return open_alarms


def notifier_opener(settings: Settings, paths: Paths) -> Callable[[Channel, PublishingBus], Notifier]:
    """Return what gives the notifier of a channel."""

    def open_with_secrets(channel: Channel, bus: PublishingBus) -> Notifier:
        from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

        secrets = ChannelSecrets(paths.secrets).of(channel.name)
        allow_local = settings.alarms.allow_local_webhooks
        return open_notifier(channel, secrets, bus=bus, allow_local=allow_local, unix_s=time.time)

    return open_with_secrets


def open_notifier(
    channel: Channel,
    secrets: Mapping[str, str],
    *,
    bus: PublishingBus,
    allow_local: bool,
    unix_s: Callable[[], float],
) -> Notifier:
    """Return the notifier of a channel; what it needs is imported with it. Nothing is connected yet."""
    from pioreactor.alarms.channel_fields import with_defaults

    options = with_defaults(channel, secrets)
    match channel.kind:
        case "email":
            from pioreactor.notifiers.email_notifier import EmailNotifier

            return EmailNotifier(options)
        case "mqtt":
            from pioreactor.notifiers.mqtt_notifier import MqttNotifier

            return MqttNotifier(options, bus)
        case "apprise":
            from pioreactor.notifiers.apprise_notifier import AppriseNotifier

            return AppriseNotifier(options)
        case _:
            from pioreactor.notifiers.webhook_notifier import WebhookNotifier

            return WebhookNotifier(channel.kind, options, allow_local=allow_local, unix_s=unix_s)
