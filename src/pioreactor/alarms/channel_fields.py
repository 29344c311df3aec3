"""The fields of each kind of channel, for the panel, the API and the command line. Secrets are stored apart."""

from collections.abc import Mapping
from typing import Final

import msgspec

from pioreactor.alarms.channels import MAX_OPTION, Channel, ChannelKind
from pioreactor.exc import InvalidRequestError

MASK: Final = "••••••••"


class ChannelField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a kind of channel. `choices`: the only values, the first being the default; empty for any text."""

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    is_required: bool = True
    choices: tuple[str, ...] = ()
    default: str = ""

    @property
    def is_needed(self) -> bool:
        """Return whether a person has to give it: it is required and has no default."""
        return self.is_required and not self.default and not self.choices

    def check(self, value: str) -> None:
        """Raise `InvalidRequestError` for a value that it cannot have."""
        if len(value) > MAX_OPTION or (self.name != "template" and not value.isprintable()):
            raise InvalidRequestError(f"{self.name} is not one line of at most {MAX_OPTION} characters")
        if self.choices and value not in self.choices:
            raise InvalidRequestError(f"{self.name} is one of {', '.join(self.choices)}")


def _url(help_text: str) -> ChannelField:
    return ChannelField(name="url", label="Address of the webhook", help=help_text, is_secret=True)


_KEY: Final = ChannelField(
    name="signing_key",
    label="Signing key",
    help="The receiver checks the header X-Pioreactor-Signature with it.",
    is_secret=True,
    is_required=False,
)

CHANNEL_FIELDS: Final[Mapping[ChannelKind, tuple[ChannelField, ...]]] = {
    "email": (
        ChannelField(name="host", label="Mail server", help="Host name, such as smtp.example.org."),
        ChannelField(name="port", label="Port", default="587"),
        ChannelField(name="security", label="Encryption", choices=("starttls", "tls", "none")),
        ChannelField(name="username", label="User name", is_required=False),
        ChannelField(name="password", label="Password", is_secret=True, is_required=False),
        ChannelField(name="sender", label="From", help="Address that sends, such as lab@example.org."),
        ChannelField(name="recipients", label="To", help="One or more addresses, separated by commas."),
    ),
    "webhook": (
        _url("https://…; gets a JSON object by POST."),
        _KEY,
        ChannelField(
            name="template",
            label="Body",
            help="JSON in which {title}, {text}, {severity} and {link} are replaced; blank for the usual object.",
            is_required=False,
        ),
    ),
    "slack": (_url("Slack: Apps, Incoming Webhooks."),),
    "teams": (_url("Teams: Workflows, “Post to a channel when a webhook request is received”."),),
    "discord": (_url("Discord: Edit Channel, Integrations, Webhooks."),),
    "ntfy": (
        _url("https://ntfy.sh/ and a topic that no one guesses, or a server of your own."),
        ChannelField(name="token", label="Access token", is_secret=True, is_required=False),
    ),
    "telegram": (
        ChannelField(name="bot_token", label="Token of the bot", help="From @BotFather.", is_secret=True),
        ChannelField(name="chat_id", label="Chat", help="Number of the chat, or @name of the channel."),
    ),
    "mqtt": (ChannelField(name="topic", label="Topic", default="alarms", help="At the broker of this cluster."),),
    "apprise": (
        ChannelField(
            name="url",
            label="Apprise URL",
            help="Of any service that apprise knows; needs pip install pioreactor[apprise] on the leader.",
            is_secret=True,
        ),
    ),
}


def secrets_of(channel: Channel) -> set[str]:
    """Return the names of the secrets of a channel's kind."""
    return {field.name for field in CHANNEL_FIELDS[channel.kind] if field.is_secret}


def check_fields(channel: Channel, secrets: Mapping[str, str]) -> None:
    """Raise `InvalidRequestError` for a field that is missing, unknown, not among its choices, or misplaced."""
    fields = {field.name: field for field in CHANNEL_FIELDS[channel.kind]}
    given = {**channel.options, **secrets}
    for name, value in given.items():
        if name not in fields:
            known = ", ".join(fields)
            raise InvalidRequestError(f"{channel.kind} has no field {name[:40]!r}", remedy=f"It has: {known}.")
        if fields[name].is_secret != (name in secrets):
            raise InvalidRequestError(f"{name} {'is' if fields[name].is_secret else 'is not'} a secret")
        fields[name].check(value)
    missing = [name for name, field in fields.items() if field.is_needed and not given.get(name)]
    if missing:
        raise InvalidRequestError(f"{channel.name} needs {', '.join(missing)}")


def with_defaults(channel: Channel, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return all fields of a channel, secrets included, with the defaults of those that are blank."""
    fields = CHANNEL_FIELDS[channel.kind]
    defaults = {field.name: field.choices[0] if field.choices else field.default for field in fields}
    return {name: {**channel.options, **secrets}.get(name, "") or default for name, default in defaults.items()}
