"""What each service expects of a webhook, as data. Texts in braces are replaced, in the whole of a JSON text."""

from collections.abc import Mapping
from typing import Final

import msgspec

from pioreactor.alarms.channels import ChannelKind
from pioreactor.alarms.records import Notice

JsonValue = object


class WebhookPreset(msgspec.Struct, frozen=True, kw_only=True):
    """A request. `body` is JSON; `url` and `headers` may name options of the channel in braces."""

    body: JsonValue
    url: str = "{url}"
    headers: Mapping[str, str] = {}


PRESETS: Final[Mapping[ChannelKind, WebhookPreset]] = {
    "webhook": WebhookPreset(
        body={
            "title": "{title}",
            "text": "{text}",
            "severity": "{severity}",
            "link": "{link}",
            "delivery_id": "{delivery_id}",
        }
    ),
    "slack": WebhookPreset(body={"text": "*{title}*\n{text}\n{link}"}),
    "teams": WebhookPreset(
        body={
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "content": {
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [
                            {"type": "TextBlock", "text": "{title}", "weight": "Bolder", "wrap": True},
                            {"type": "TextBlock", "text": "{text}\n\n{link}", "wrap": True},
                        ],
                    },
                }
            ],
        }
    ),
    "discord": WebhookPreset(
        body={"content": "**{title}**\n{text:1800}\n{link}", "allowed_mentions": {"parse": []}},
    ),
    # ntfy takes JSON at the root of a server; the topic is the path of the address.
    "ntfy": WebhookPreset(
        url="{base_url}",
        body={"topic": "{path}", "title": "{title}", "message": "{text}\n{link}", "tags": ["{severity}"]},
        headers={"Authorization": "Bearer {token}"},
    ),
    "telegram": WebhookPreset(
        url="https://api.telegram.org/bot{bot_token}/sendMessage",
        body={"chat_id": "{chat_id}", "text": "{title}\n{text:3500}\n{link}", "disable_web_page_preview": True},
    ),
}


def values_of(notice: Notice, delivery_id: str) -> dict[str, str]:
    """Return what may stand in braces in a body."""
    return {
        "title": notice.title,
        "text": notice.text,
        "severity": notice.severity,
        "link": notice.link,
        "delivery_id": delivery_id,
    }


def filled(value: JsonValue, values: Mapping[str, str]) -> JsonValue:
    """Return JSON with the texts in braces replaced; `{text:1800}` cuts after so many characters."""
    if isinstance(value, str):
        return _filled_text(value, values)
    if isinstance(value, Mapping):
        return {key: filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    return value


def _filled_text(text: str, values: Mapping[str, str]) -> str:
    """Replace in one pass, so that braces in a message are never replaced themselves."""
    parts: list[str] = []
    rest = text
    while rest:
        before, brace, after = rest.partition("{")
        parts.append(before)
        inside, closing, remainder = after.partition("}")
        name, _, limit = inside.partition(":")
        if not brace:
            break
        if closing and name in values and (limit.isdecimal() or not limit):
            parts.append(values[name][: int(limit)] if limit else values[name])
            rest = remainder
        else:
            parts.append("{")
            rest = after
    return "".join(parts).strip()
