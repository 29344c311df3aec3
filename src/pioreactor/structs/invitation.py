"""An invitation by link, as it is stored: the person with the link chooses a name and a password, once."""

from typing import Literal

import msgspec

from pioreactor.structs.rights import Rights

State = Literal["open", "used", "revoked", "expired"]


class Invitation(msgspec.Struct, frozen=True):
    """An invitation; moments are stored timestamps (ISO, milliseconds, `Z`).

    `note` says who it is for; `invited_by` is empty for one that was made on the leader's machine.
    """

    secret_hash: str
    note: str
    invited_by: str
    rights: Rights
    created_at: str
    expires_at: str
    used_at: str | None = None
    used_by: str | None = None
    revoked_at: str | None = None

    def state(self, now: str) -> State:
        """Return what has become of it by this moment, a stored timestamp."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if now < self.expires_at else "expired"
