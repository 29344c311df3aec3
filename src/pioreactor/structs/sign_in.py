"""What people see of their own sign-ins and second factor."""

import msgspec


class SessionRow(msgspec.Struct):
    """A session without its cookie; `opened_at` and `last_seen_at` null: opened by an earlier version.

    `last_seen_at` is exact to the minute; `is_own`: that of the browser that asks.
    """

    id: str
    username: str
    opened_at: str | None
    last_seen_at: str | None
    expires_at: str
    address: str
    browser: str
    is_own: bool = False


class SecondFactorState(msgspec.Struct):
    """Whether signing in takes a code, and how many recovery codes are left."""

    is_on: bool
    recovery_codes_left: int


class NewSecondFactor(msgspec.Struct):
    """What an authenticator app needs, once: the secret (base32), also as URI, and that as QR code.

    `qr` has a text for each row of the code, "1" for a dark module.
    """

    secret: str
    uri: str
    qr: list[str]


class OidcOffer(msgspec.Struct):
    """Whether people can sign in by an issuer, and its name on the sign-in page."""

    is_on: bool
    label: str


class OidcCheck(msgspec.Struct):
    """What an issuer answered; `redirect_uri` has to be registered there, `algorithms` are those that are accepted."""

    issuer: str
    redirect_uri: str
    has_secret: bool
    algorithms: list[str]
    keys: int
