"""The notifier of a channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pioreactor.alarms.channel_fields import with_defaults
from pioreactor.alarms.channels import Channel

if TYPE_CHECKING:
    from pioreactor.notifiers.mqtt_notifier import PublishingBus
    from pioreactor.notifiers.ports import Notifier


def open_notifier(
    channel: Channel,
    secrets: Mapping[str, str],
    *,
    bus: PublishingBus,
    allow_local: bool,
    unix_s: Callable[[], float],
) -> Notifier:
    """Return the notifier of a channel; what it needs is imported with it. Nothing is connected yet."""
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
