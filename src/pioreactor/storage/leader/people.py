"""Who may sign in, and the tokens they gave to programs. Only hashes are kept."""

import msgspec

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.repository_context import Access, change, fetch


class Person(msgspec.Struct, frozen=True):
    username: str
    created_at: str


class AccessToken(msgspec.Struct, frozen=True):
    """`expires_at` None: never."""

    token_hash: str
    label: str
    username: str
    created_at: str
    expires_at: str | None


class People:
    """Hashing is the caller's; here a hash is an opaque text."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Person]:
        return [Person(*row) for row in self._access.rows("SELECT username, created_at FROM people ORDER BY username")]

    def password_hash(self, username: str) -> str | None:
        """Return what to compare a password with, None when there is no such person."""
        rows = self._access.rows("SELECT password_hash FROM people WHERE username = :username", username=username)
        return str(rows[0][0]) if rows else None

    def add(self, username: str, password_hash: str) -> None:
        """Raises `ConflictError` when the name is taken."""
        with self._access.writing() as connection:
            if fetch(connection, "SELECT 1 FROM people WHERE username = :username", username=username):
                raise ConflictError(f"there is already a person {username!r}")
            change(
                connection,
                "INSERT INTO people (username, password_hash, created_at) VALUES (:username, :hash, :at)",
                username=username,
                hash=password_hash,
                at=self._access.timestamp(),
            )

    def set_password(self, username: str, password_hash: str) -> None:
        with self._access.writing() as connection:
            sql = "UPDATE people SET password_hash = :hash WHERE username = :username"
            if not change(connection, sql, hash=password_hash, username=username):
                raise _unknown(username)

    def remove(self, username: str) -> None:
        """Remove a person and every token of theirs."""
        with self._access.writing() as connection:
            if not change(connection, "DELETE FROM people WHERE username = :username", username=username):
                raise _unknown(username)
            change(connection, "DELETE FROM access_tokens WHERE username = :username", username=username)

    def tokens(self, username: str) -> list[AccessToken]:
        return self._tokens("username = :wanted ORDER BY created_at, label", username)

    def token(self, token_hash: str) -> AccessToken | None:
        """Return a token that is still good."""
        found = self._tokens("token_hash = :wanted AND (expires_at IS NULL OR expires_at > :now)", token_hash)
        return found[0] if found else None

    def add_token(self, token_hash: str, *, label: str, username: str, expires_at: str | None = None) -> None:
        """`expires_at` is a stored timestamp (ISO, milliseconds, `Z`)."""
        with self._access.writing() as connection:
            if not fetch(connection, "SELECT 1 FROM people WHERE username = :username", username=username):
                raise _unknown(username)
            change(
                connection,
                "INSERT INTO access_tokens (token_hash, label, username, created_at, expires_at) "
                "VALUES (:hash, :label, :username, :at, :expires_at)",
                hash=token_hash,
                label=label,
                username=username,
                at=self._access.timestamp(),
                expires_at=expires_at,
            )

    def remove_token(self, token_hash: str) -> None:
        """Removing what is not there is harmless."""
        with self._access.writing() as connection:
            change(connection, "DELETE FROM access_tokens WHERE token_hash = :hash", hash=token_hash)

    def _tokens(self, where: str, wanted: str) -> list[AccessToken]:
        sql = f"SELECT token_hash, label, username, created_at, expires_at FROM access_tokens WHERE {where}"
        parameters = {"wanted": wanted} | ({"now": self._access.timestamp()} if ":now" in where else {})
        return [AccessToken(*row) for row in self._access.rows(sql, **parameters)]


def _unknown(username: str) -> NotFoundError:
    return NotFoundError(f"there is no person {username!r}")
