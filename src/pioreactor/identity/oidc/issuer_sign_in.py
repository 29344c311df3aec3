"""Sign-in by an issuer: from the browser's first request to the name of a local account."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.identity.authorization import checked_limit
from pioreactor.identity.oidc.issuer import Client, Issuer, SignInRefusedError, require_secure, text_claims
from pioreactor.identity.people import People, is_valid_name, set_rights
from pioreactor.private_files import write_atomically
from pioreactor.structs.rights import ROLES, Rights, Role
from pioreactor.structs.sign_in import OidcCheck, OidcOffer

if TYPE_CHECKING:
    from pioreactor.http.ports import HttpClient
    from pioreactor.settings.schema import Settings

COOKIE: Final = "pioreactor_oidc"
"""Binds a sign-in that was begun to the browser; valid for the sign-in routes only."""
RETURN_PATH: Final = "/auth/oidc/return"
SECRET_FILE: Final = "oidc_client_secret"
BEGUN_FOR_S: Final = 600.0
"""How long a sign-in at the issuer may take [s]."""
_MAX_BEGUN: Final = 1000
_MAX_SUBJECT: Final = 255
_FORM: Final = "`role`, or `role | units: worker1, worker2 | experiments: exp1`"


class Begun(NamedTuple):
    """A sign-in that a browser has begun: where it goes, and the cookie that it brings back."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class _Pending:
    state: str
    nonce: str
    verifier: str
    until_s: float


class OidcSignIn:
    """Sign-in by the issuer of the configuration. Thread-safe; begun sign-ins are forgotten when the server ends."""

    def __init__(
        self,
        configured: Callable[[], Settings],
        secrets_dir: Path,
        http: HttpClient,
        people: People,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """`configured` returns the present configuration; `http` trusts public authorities; `now_s` is Unix time."""
        self._configured = configured
        self._secrets = secrets_dir
        self._http = http
        self._people = people
        self._monotonic_s = monotonic_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._known: tuple[tuple[str, Client], Issuer] | None = None

    def offer(self) -> OidcOffer:
        """Return whether people can sign in by an issuer, and what the sign-in page calls it."""
        oidc = self._settings.oidc
        return OidcOffer(bool(oidc.issuer), oidc.label)

    def check(self) -> OidcCheck:
        """Ask the issuer for what it says about itself and for its keys.

        Raises `ConfigurationError` for what is missing or malformed, and `IssuerUnreachableError`.
        """
        issuer = self._issuer()
        keys = issuer.keys(anew=True)
        for group, text in self._groups.items():
            rights_in(text, group)
        client = self._client()
        return OidcCheck(
            self._settings.oidc.issuer,
            client.redirect_uri,
            client.secret is not None,
            issuer.metadata().algorithms,
            len(keys.keys),
        )

    def store_secret(self, secret: str) -> None:
        """Keep the secret of this client, in a file that only its owner reads; blank: forget it."""
        self._secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        if secret.strip():
            write_atomically(self._secrets / SECRET_FILE, secret.strip() + "\n", mode=0o600)
        else:
            (self._secrets / SECRET_FILE).unlink(missing_ok=True)

    @property
    def _groups(self) -> Mapping[str, str]:
        """Group → role and limits as text, without blank lines."""
        return {group: text for group, text in self._settings.oidc_groups.items() if text}

    @property
    def _settings(self) -> Settings:
        return self._configured()

    def _client(self) -> Client:
        oidc = self._settings.oidc
        for key, value in (("issuer", oidc.issuer), ("client_id", oidc.client_id), ("panel", oidc.panel)):
            if not value:
                raise ConfigurationError(f"[oidc] {key} is blank", remedy=f"Set it: pio config set oidc.{key} VALUE")
        return Client(oidc.client_id, read_secret(self._secrets), oidc.panel.rstrip("/") + RETURN_PATH, oidc.scopes)

    def _issuer(self) -> Issuer:
        """Return the issuer of the present configuration, with what is known of it while that stays the same."""
        key = (self._settings.oidc.issuer, self._client())
        with self._lock:
            if self._known is None or self._known[0] != key:
                require_secure(key[0])
                issuer = Issuer(*key, self._http, monotonic_s=self._monotonic_s, now_s=self._now_s)
                self._known = key, issuer
            return self._known[1]

    def begin(self) -> Begun:
        """Begin a sign-in. Raises `IssuerUnreachableError` and `ConfigurationError`."""
        cookie, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = self._issuer().authorization_url(state=state, nonce=nonce, challenge=challenge)
        now_s = self._monotonic_s()
        with self._lock:
            self._pending = {key: one for key, one in self._pending.items() if one.until_s > now_s}
            while len(self._pending) >= _MAX_BEGUN:
                del self._pending[next(iter(self._pending))]
            self._pending[_key(cookie)] = _Pending(state, nonce, verifier, now_s + BEGUN_FOR_S)
        return Begun(url, cookie)

    def finish(self, cookie: str | None, answer: Mapping[str, str]) -> str:
        """Return who has signed in; `answer` is the query with which the browser came back.

        Each begun sign-in is finished once, in the browser that began it. Raises `SignInRefusedError` and
        `IssuerUnreachableError`.
        """
        with self._lock:
            begun = self._pending.pop(_key(cookie), None) if cookie is not None else None
        if begun is None or begun.until_s <= self._monotonic_s():
            raise SignInRefusedError("the sign-in was not begun in this browser, or took too long")
        if not hmac.compare_digest(begun.state.encode(), answer.get("state", "").encode()):
            raise SignInRefusedError("the answer belongs to another sign-in (state)")
        if answer.get("iss", self._settings.oidc.issuer) != self._settings.oidc.issuer:
            raise SignInRefusedError("the answer comes from another issuer")
        if "error" in answer:
            raise SignInRefusedError(f"the issuer says {answer['error'][:60]!a}", remedy="Sign in again.")
        claims = self._issuer().claims(answer.get("code", ""), verifier=begun.verifier, nonce=begun.nonce)
        return self._account_of(claims)

    def _account_of(self, claims: Mapping[str, object]) -> str:
        """Return the local account of a person, made or adjusted as the configuration says."""
        subject, rights = self._subject(claims), self._rights(claims)
        username = self._people.username_of(subject)
        if username is None:
            return self._first_sign_in(subject, self._name(claims), rights)
        self._adjust(username, rights)
        return username

    def _first_sign_in(self, subject: str, name: str, rights: Rights | None) -> str:
        settings = self._settings.oidc
        if self._people.rights(name) is not None:
            if not settings.match_names or not self._people.bind(name, subject):
                raise SignInRefusedError(
                    f"the local account {name} belongs to another sign-in",
                    remedy="Ask a manager: [oidc] match_names lets the issuer sign in to local accounts of that name.",
                )
            self._adjust(name, rights)
            return name
        if not settings.create_accounts:
            raise SignInRefusedError(
                f"there is no account {name} here",
                remedy="Ask a manager for an account; [oidc] create_accounts makes them on the first sign-in.",
            )
        given = rights if rights is not None else self._default_rights()
        self._people.add(name, "", given, subject=subject)
        return name

    def _adjust(self, username: str, rights: Rights | None) -> None:
        """Give an account the rights of its groups; raise `ConflictError` when no manager would be left."""
        if rights is not None and rights != self._people.rights(username):
            set_rights(self._people, username, rights)

    def _rights(self, claims: Mapping[str, object]) -> Rights | None:
        """Return the rights by groups; None: the configuration leaves them to the managers."""
        if not self._groups:
            return None
        found = rights_of_groups(text_claims(claims.get(self._settings.oidc.groups_claim)), self._groups)
        return found if found is not None else self._default_rights()

    def _default_rights(self) -> Rights:
        role = self._settings.oidc.default_role
        if role == "none":
            raise SignInRefusedError(
                "none of your groups may sign in here", remedy="Ask a manager to add one to [oidc.groups]."
            )
        return Rights(role)

    def _subject(self, claims: Mapping[str, object]) -> str:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
            raise SignInRefusedError("the issuer does not say who signed in (claim sub)")
        return f"{self._settings.oidc.issuer} {subject}"

    def _name(self, claims: Mapping[str, object]) -> str:
        claim = self._settings.oidc.username_claim
        name = claims.get(claim)
        if not isinstance(name, str) or not is_valid_name(name):
            raise SignInRefusedError(
                f"the claim {claim} is not a name that an account can have",
                remedy="Choose another one with [oidc] username_claim, such as email.",
            )
        if claim == "email" and claims.get("email_verified") is not True:
            raise SignInRefusedError("the issuer has not verified the e-mail address")
        return name


def rights_of_groups(groups: Iterable[str], mapped: Mapping[str, str]) -> Rights | None:
    """Return the rights of the first line of `[oidc.groups]` with the highest role; None: of no group in it.

    Names of groups are compared without regard to case.
    """
    member_of = {group.casefold() for group in groups}
    found = [rights_in(text, group) for group, text in mapped.items() if group.casefold() in member_of]
    return max(found, key=lambda rights: (ROLES.index(rights.role), not rights.is_limited)) if found else None


def rights_in(text: str, group: str) -> Rights:
    """Return the rights that a line of `[oidc.groups]` gives; raise `ConfigurationError` for one that is malformed."""
    role, *limits = (part.strip() for part in text.split("|"))
    if role not in ROLES:
        raise ConfigurationError(
            f"[oidc.groups] {group} = {text}: {role!r} is none of {', '.join(ROLES)}", remedy=f"Write {_FORM}."
        )
    given: dict[str, tuple[str, ...] | None] = {"units": None, "experiments": None}
    for limit in limits:
        what, _, names = limit.partition(":")
        if what.strip() not in given:
            raise ConfigurationError(f"[oidc.groups] {group}: {limit!r} cannot be read", remedy=f"Write {_FORM}.")
        given[what.strip()] = checked_limit([name.strip() for name in names.split(",") if name.strip()], what.strip())
    return Rights(msgspec.convert(role, Role), given["units"], given["experiments"])


def read_secret(secrets_dir: Path) -> str | None:
    """Return the secret that the issuer gave to this client; None without one."""
    try:
        found = (secrets_dir / SECRET_FILE).read_text().strip()
    except FileNotFoundError:
        return None
    return found if found else None


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
