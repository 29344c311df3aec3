"""Routes to manage the people who may sign in, their rights, and invitations."""

import msgspec
from litestar import Request, Router, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.identity import invitation_links, people
from pioreactor.identity.authorization import checked_limit
from pioreactor.identity.invitation_links import InvitationRow, NewInvitation
from pioreactor.structs.rights import Rights, Role
from pioreactor.web.auth import AuthPorts, AuthServices, person_of
from pioreactor.web.request_bodies import AddPerson, ChangeRights, Invite
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs


class Person(msgspec.Struct):
    """A person who may sign in; `units` and `experiments` null: changes are not limited to some.

    `has_second_factor`: signing in takes a code as well. `signs_in_by_issuer`: by OpenID Connect.
    """

    username: str
    role: Role
    units: tuple[str, ...] | None = None
    experiments: tuple[str, ...] | None = None
    has_second_factor: bool = False
    signs_in_by_issuer: bool = False


@get("/people", sync_to_thread=True)
def list_people(auth: AuthPorts) -> list[Person]:
    """Return all people who may sign in, with their roles."""
    return [_person_of(auth, row.username, row.rights, by_issuer=row.subject is not None) for row in auth.people.all()]


@put("/people", status_code=201, sync_to_thread=True)
def add_person(auth: AuthPorts, data: JSONBody[AddPerson]) -> Person:
    """Add a person who may sign in, as a viewer unless said otherwise; 409 when the name is taken."""
    rights = _rights(data.role, data.units, data.experiments)
    people.add(auth.people, data.username, data.password, rights)
    return _person_of(auth, data.username, rights)


@patch("/people/{username:str}", sync_to_thread=True)
def change_rights(auth: AuthPorts, username: FromPath[str], data: JSONBody[ChangeRights]) -> Person:
    """Give a person another role and other limits, at once; 409 when no manager would be left."""
    rights = _rights(data.role, data.units, data.experiments)
    note_values(before=auth.people.rights(username), after=rights)
    people.set_rights(auth.people, username, rights)
    auth.rights.forget()
    return _person_of(auth, username, rights)


@delete("/people/{username:str}", status_code=200, sync_to_thread=True)
def remove_person(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Remove a person, close their sessions and revoke their tokens; 409 for the last manager."""
    note_values(before=auth.people.rights(username))
    people.remove(auth.people, auth.sessions, username)
    auth.second_factors.remove(username)
    auth.rights.forget()
    auth.bearers.forget()
    return {"status": "success"}


@delete("/people/{username:str}/second-factor", status_code=200, sync_to_thread=True)
def reset_second_factor(auth: AuthPorts, username: FromPath[str]) -> dict[str, str]:
    """Switch the second factor of a person off who has lost it; the password is enough again."""
    auth.second_factors.reset(username)
    return {"status": "success"}


@get("/invitations", opt=needs("people", change="manage", read="manage"), sync_to_thread=True)
def invitations(auth: AuthPorts) -> list[InvitationRow]:
    """Return the invitations, the newest first, without their secrets."""
    return invitation_links.list_all(auth.invitations, now=auth.now())


@post("/invitations", status_code=201, sync_to_thread=True)
def invite(request: Request[object, object, State], auth: AuthPorts, data: JSONBody[Invite]) -> NewInvitation:
    """Make a link with which one person chooses a name and a password, once; it is not shown again."""
    return invitation_links.create(
        auth.invitations,
        rights=_rights(data.role, data.units, data.experiments),
        hours=data.hours,
        now=auth.now(),
        note=data.note,
        invited_by=person_of(request),
    )


@delete("/invitations/{id_:str}", status_code=200, sync_to_thread=True)
def revoke_invitation(auth: AuthPorts, id_: FromPath[str]) -> dict[str, str]:
    """Revoke an invitation; 409 for one that was used."""
    rows = invitation_links.list_all(auth.invitations, now=auth.now())
    note_values(before=[row for row in rows if row.id == id_])
    invitation_links.revoke(auth.invitations, id_)
    return {"status": "success"}


def _rights(role: Role, units: list[str] | None, experiments: list[str] | None) -> Rights:
    return Rights(role, checked_limit(units, "units"), checked_limit(experiments, "experiments"))


def _person_of(auth: AuthServices, username: str, rights: Rights, *, by_issuer: bool = False) -> Person:
    has_second_factor = auth.second_factors.state(username).is_on
    return Person(username, rights.role, rights.units, rights.experiments, has_second_factor, by_issuer)


ROUTES = Router(
    "/auth",
    route_handlers=[
        list_people,
        add_person,
        change_rights,
        remove_person,
        reset_second_factor,
        invitations,
        invite,
        revoke_invitation,
    ],
    guards=[only_signed_in],
    tags=["signing in"],
    opt=needs("people", change="manage"),
)
