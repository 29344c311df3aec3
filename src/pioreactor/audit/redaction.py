"""What of a request is kept in the audit trail: no secrets, and of long texts their beginning."""

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

SECRET_FIELDS: Final = frozenset(
    {
        *("pass", "password", "passphrase", "present", "new", "secret", "client_secret", "token", "credential"),
        *("api_key", "apikey", "authorization", "bot_token", "access_token", "signing_secret", "recovery_code", "code"),
        *("signing_key", "private_key", "host_key"),
    }
)
"""Names of fields whose values are secrets; `present` and `new` are passwords in the route that changes one.
`code` is a second factor or pairs a machine; as the text of a configuration it is in the history of that."""
_KEPT: Final = "***"
_ADDRESSES: Final = frozenset({"url", "webhook", "webhook_url"})
"""Names of fields with addresses, in whose path, query or host (`tgram://token/chat`) a secret may stand."""
_SECRET_OPTIONS: Final = SECRET_FIELDS | {"url", "key", "user"}
"""Names in arguments `NAME=VALUE` whose values are secrets; others are never arguments."""
_PASSWORD_OPTIONS: Final = frozenset({"-p", "--password"})
"""Of `pio workers add`, which refuses the password that scripts for the existing software give."""
MAX_TEXT: Final = 2000
MAX_ITEMS: Final = 100
_MAX_DEPTH: Final = 8
_PASSWORD_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]*:[^@\s]*(?=@)|(?<=[?&]password=)[^&\s]*")


def redacted(value: object, *, depth: int = 0) -> object:
    """Return a JSON value without secrets; texts, lists and depth beyond a limit are cut and say so."""
    if depth > _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {str(key)[:100]: _field(str(key), each, depth) for key, each in items}
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, Sequence):
        kept = [redacted(each, depth=depth + 1) for each in value[:MAX_ITEMS]]
        return kept if len(value) <= MAX_ITEMS else [*kept, f"… {len(value) - MAX_ITEMS} more"]
    return value


def kept_details(body: bytes) -> str:
    """Return the JSON that is kept of a request's body; of what is not JSON only the length."""
    if not body:
        return "{}"
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode({"length_bytes": len(body)}).decode()
    return msgspec.json.encode({"request": redacted(value)}).decode()


def changed_lines(before: str, after: str) -> tuple[str, str]:
    """Return the lines of a text that went, and those that came in their place."""
    old, new = before.splitlines(), after.splitlines()
    changed = [
        each for each in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if each[0] != "equal"
    ]
    went = [line for _, start, end, _, _ in changed for line in old[start:end]]
    came = [line for _, _, _, start, end in changed for line in new[start:end]]
    return "\n".join(went), "\n".join(came)


def without_credentials(address: str) -> str:
    """Return of an address only its scheme, and of one of the web the host as well."""
    scheme, separator, rest = address.partition("://")
    if not separator or not scheme.isalnum():
        return _KEPT
    host = rest.split("/", 1)[0].split("?", 1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/{_KEPT}" if scheme.lower() in ("http", "https") else f"{scheme}://{_KEPT}"


def _field(name: str, value: object, depth: int) -> object:
    if isinstance(value, str) and name.lower() in _ADDRESSES:
        return _shortened(without_credentials(value))
    is_secret = value is not None and not isinstance(value, bool) and name.lower() in SECRET_FIELDS
    return _KEPT if is_secret else redacted(value, depth=depth + 1)


def _shortened(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:MAX_TEXT]}… ({len(text)} characters, SHA-256 {digest})"


def kept_arguments(argv: Sequence[str]) -> list[str]:
    """Return the arguments of a command as they are kept, without secrets."""
    pairs = zip(("", *argv), argv, strict=False)
    return [as_text(_without_secret(each, before))[:200] for before, each in pairs][:40]


def as_text(text: str) -> str:
    """Return an argument as it can be encoded; the operating system passes on bytes that are no text."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _without_secret(argument: str, before: str) -> str:
    """Return an argument as it is kept; `before` is the one in front of it."""
    if before in _PASSWORD_OPTIONS and not argument.startswith("-"):
        return "***"
    argument = _PASSWORD_IN_ADDRESS.sub("***", argument)
    name, is_pair, _ = argument.partition("=")
    return f"{name}=***" if is_pair and name.lstrip("-").lower() in _SECRET_OPTIONS else argument
