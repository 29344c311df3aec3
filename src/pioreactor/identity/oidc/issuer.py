"""An OpenID Connect issuer: its metadata, its keys, and what it says about who signed in.

`joserfc` is imported for the first token that is checked: a leader without an issuer never has it in memory.
"""

from __future__ import annotations

import logging
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from pioreactor.exc import ConfigurationError, NotAuthenticatedError, PioreactorError, UnitUnreachableError
from pioreactor.http.ports import NO_HEADERS, HttpClient

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ASYMMETRIC: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signature algorithms that are accepted, where the issuer announces them: none whose key a client would know."""
CLOCK_SKEW_S: Final = 60
"""Largest difference between the clocks of issuer and leader [s]."""
_MAX_ANSWER_BYTES: Final = 1_000_000
_KEPT_S: Final = 3600.0
_KEYS_ASKED_AGAIN_AFTER_S: Final = 30.0
_TIMEOUT_S: Final = 5.0

_log = logging.getLogger("pioreactor.identity")
T = TypeVar("T")


class IssuerUnreachableError(PioreactorError):
    """The issuer does not answer; local accounts are not affected."""

    code = "issuer_unreachable"
    status = 503
    remedy = "Sign in with name and password, or try again later; `pio oidc check` says what is wrong."


class SignInRefusedError(NotAuthenticatedError):
    """What the issuer says about a person cannot be trusted, or the person may not sign in here."""

    code = "sign_in_refused"
    remedy = "Ask a manager, who finds the reason with `pio oidc check` and in the leader's log."


class Metadata(msgspec.Struct):
    """What an issuer says about itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: list[str] = []
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @property
    def algorithms(self) -> list[str]:
        """Algorithms that the issuer announces and that are accepted here."""
        return [name for name in ASYMMETRIC if name in self.id_token_signing_alg_values_supported]


class _Tokens(msgspec.Struct):
    id_token: str


class _Refusal(msgspec.Struct):
    error: Annotated[str, msgspec.Meta(max_length=60)]
    """Code of RFC 6749, which has no secret in it."""


@dataclass(frozen=True, slots=True)
class Client:
    """This leader as the issuer knows it; without a secret it is a public client, which PKCE protects."""

    id: str
    secret: str | None
    redirect_uri: str
    scopes: str


class Issuer:
    """One issuer, with its metadata and keys for an hour. Thread-safe; `monotonic_s` never goes back."""

    def __init__(
        self,
        url: str,
        client: Client,
        http: HttpClient,
        *,
        monotonic_s: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        self._url = url
        self._client = client
        self._http = http
        self._monotonic_s = monotonic_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    def metadata(self) -> Metadata:
        """Return what the issuer says about itself.

        Raises `IssuerUnreachableError`, and `ConfigurationError` for an issuer that calls itself differently or that
        offers no algorithm that is accepted.
        """
        with self._lock:
            if self._metadata is None or self._monotonic_s() >= self._metadata[1] + _KEPT_S:
                url = f"{self._url.rstrip('/')}/.well-known/openid-configuration"
                found = self._ask("GET", url, Metadata)
                self._check_metadata(found)
                self._metadata = found, self._monotonic_s()
            return self._metadata[0]

    def keys(self, *, anew: bool = False) -> KeySet:
        """Return the issuer's keys; `anew`: asked for again, unless that was done a moment ago."""
        url = self.metadata().jwks_uri
        with self._lock:
            kept_s = _KEYS_ASKED_AGAIN_AFTER_S if anew else _KEPT_S
            if self._keys is None or self._monotonic_s() >= self._keys[1] + kept_s:
                self._keys = self._fetched_keys(url), self._monotonic_s()
            return self._keys[0]

    def _fetched_keys(self, url: str) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        answer = self._ask("GET", url, dict[str, object])
        try:
            return KeySet.import_key_set(answer)  # type: ignore[arg-type]  # it checks what it is given
        except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"the keys of {self._url} cannot be read: {error}") from error

    def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Return where a browser goes to sign in; the answer comes back to the client's redirect URI."""
        query = {
            "response_type": "code",
            "client_id": self._client.id,
            "redirect_uri": self._client.redirect_uri,
            "scope": self._client.scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self.metadata().authorization_endpoint
        return endpoint + ("&" if urlsplit(endpoint).query else "?") + urlencode(query)

    def claims(self, code: str, *, verifier: str, nonce: str) -> Mapping[str, object]:
        """Exchange an authorization code, and return what the issuer says about the person.

        Raises `SignInRefusedError` unless signature, issuer, audience, lifetime and nonce are right.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        methods = self.metadata().token_endpoint_auth_methods_supported
        if self._client.secret is None:
            form["client_id"] = self._client.id
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            pair = f"{quote(self._client.id, safe='')}:{quote(self._client.secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._client.id, "client_secret": self._client.secret}
        body = urlencode(form).encode()
        answer = self._ask("POST", self.metadata().token_endpoint, _Tokens, body=body, headers=headers)
        claims = self._signed_claims(answer.id_token)
        self._check_claims(claims, nonce)
        return claims

    def _signed_claims(self, id_token: str) -> dict[str, object]:
        from joserfc import jws, jwt
        from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError

        def decoded(keys: KeySet) -> dict[str, object]:
            algorithms = self.metadata().algorithms
            registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
            return dict(jwt.decode(id_token, keys, algorithms=algorithms, registry=registry).claims)

        try:
            try:
                return decoded(self.keys())
            except (BadSignatureError, InvalidKeyIdError):
                return decoded(self.keys(anew=True))  # the issuer may have changed its keys
        except (JoseError, ValueError) as error:
            raise SignInRefusedError(f"the answer of the issuer is not signed by it: {error}") from error

    def _check_claims(self, claims: Mapping[str, object], nonce: str) -> None:
        from joserfc.errors import ExpiredTokenError, JoseError
        from joserfc.jwt import JWTClaimsRegistry

        registry = JWTClaimsRegistry(
            now=lambda: int(self._now_s()),
            leeway=CLOCK_SKEW_S,
            iss={"essential": True, "value": self._url},
            aud={"essential": True, "value": self._client.id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(dict(claims))
        except ExpiredTokenError as error:
            raise SignInRefusedError(
                "the answer of the issuer has expired", remedy="Sign in again; check the leader's clock (`pio clock`)."
            ) from error
        except (JoseError, TypeError, ValueError) as error:
            raise SignInRefusedError(f"the answer of the issuer is not for this sign-in: {error}") from error
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", self._client.id if not several else None) != self._client.id:
            raise SignInRefusedError("the answer of the issuer is for another program (claim azp)")

    def _check_metadata(self, found: Metadata) -> None:
        if found.issuer != self._url:
            raise ConfigurationError(
                f"[oidc] issuer is {self._url}, which calls itself {found.issuer[:200]}",
                remedy="Write the issuer exactly as it calls itself.",
            )
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            require_secure(url)
        if not found.algorithms:
            announced = ", ".join(found.id_token_signing_alg_values_supported[:10]) or "none"
            raise ConfigurationError(
                f"{self._url} signs with {announced}; one of {', '.join(ASYMMETRIC)} is needed",
                remedy="Choose another algorithm for this client at the issuer.",
            )

    def _ask(
        self,
        method: str,
        url: str,
        type_: type[T],
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> T:
        """Return the decoded answer. Neither what is sent nor what comes back is written to a log or into an error."""
        require_secure(url)
        place = f"{urlsplit(url).netloc}{urlsplit(url).path}"
        try:
            accepted = {"Accept": "application/json", **headers}
            answer = self._http.request(method, url, body=body, headers=accepted, timeout_s=_TIMEOUT_S)
        except UnitUnreachableError as error:
            raise IssuerUnreachableError(f"the issuer does not answer: {error}") from error
        if method == "POST" and 400 <= answer.status < 500:
            raise SignInRefusedError(f"the issuer refuses the sign-in: {_error_code(answer.body)!a}")
        if not answer.ok:
            raise IssuerUnreachableError(f"{place} answers with status {answer.status}")
        return _decoded(answer.body, type_, place)


def _decoded(body: bytes, type_: type[T], place: str) -> T:
    if len(body) > _MAX_ANSWER_BYTES:
        raise IssuerUnreachableError(f"{place} answers with more than {_MAX_ANSWER_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=type_)
    except (ValueError, RecursionError) as error:
        raise IssuerUnreachableError(f"{place} is no answer of an issuer: {error}") from error


def require_secure(url: str) -> None:
    """Raise `ConfigurationError` unless a URL is HTTPS, or HTTP to this machine itself."""
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in ("https", "http"):
        raise ConfigurationError(f"{url[:200]!r} is not the URL of an issuer", remedy="It begins with https://")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(f"{url[:200]} is not encrypted", remedy="Use the https:// address of the issuer.")


def text_claims(value: object) -> Sequence[str]:
    """Return a claim that is a text or a list of texts as a list; anything else in it is omitted."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _error_code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body[:10_000], type=_Refusal).error
    except (ValueError, RecursionError):
        return "no reason given"
