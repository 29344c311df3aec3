"""Headers that restrict what browsers allow pages of this server to do."""

from collections.abc import Iterable

from pioreactor.web.asgi import App, Message, Receive, Scope, Send

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=()"),
)


def content_policy(script_hashes: Iterable[str] = ()) -> tuple[bytes, bytes]:
    """Return the header that allows our own scripts, and inline scripts with one of the SHA-256 hashes (base64).

    Styles may be inline because the components of the UI set them on elements.
    """
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in script_hashes)])
    policy = (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    return (b"content-security-policy", policy.encode())


class SecurityHeaders:
    """ASGI middleware that adds the headers to every response, errors and static files included."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._headers = (*_HEADERS, content_policy(), (b"cache-control", b"no-store"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = (header for header in self._headers if header[0] not in present)
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)
