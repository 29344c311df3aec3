"""How a leader takes a worker into its cluster, and lets one go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from pioreactor.cluster.certificates import sign
from pioreactor.cluster.leader_setup import VIEWER, broker_files
from pioreactor.cluster.membership import MAX_CLOCK_DIFFERENCE_S, Membership, read_membership, tls_files
from pioreactor.cluster.pairing_client import PairingClient
from pioreactor.cluster.pairing_protocol import Invitation, Offer, refuse_distant
from pioreactor.exc import ConflictError, NotFoundError, PioreactorError
from pioreactor.identity.unit_tokens import WorkerTokens
from pioreactor.messaging.accounts import HOME_ASSISTANT, Account, make_password
from pioreactor.settings.editing import remove_value, set_value
from pioreactor.storage.paths import Paths
from pioreactor.version import __version__


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Which worker to take in: where it waits, the code that it shows, and the name that is expected of it.

    `model`: name and version, None for what the worker says.
    `may_replace` a worker of that name: a new machine in the place of a broken one.
    """

    address: str
    code: str
    unit: str | None = None
    may_replace: bool = False
    model: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """`clock_difference_s` is how far the worker's clock is ahead of the leader's; `notes` say what is left to do."""

    unit: str
    address: str
    version: str
    model_name: str | None
    model_version: str | None
    clock_difference_s: float
    notes: tuple[str, ...] = ()

    @property
    def warning(self) -> str | None:
        """What a person should know; None if there is nothing."""
        said = [*self._about_the_clock(), *self.notes]
        return " ".join(said) if said else None

    def _about_the_clock(self) -> Iterator[str]:
        if abs(self.clock_difference_s) <= MAX_CLOCK_DIFFERENCE_S:
            return
        direction = "ahead of" if self.clock_difference_s > 0 else "behind"
        yield (
            f"The clock of {self.unit} is {abs(self.clock_difference_s):.0f} s {direction} the leader's. "
            "Set it before an experiment: its readings carry its own time."
        )


def revoke_worker(paths: Paths, unit: str) -> None:
    """Make the token and the account of a worker invalid, and forget its address."""
    WorkerTokens(paths.secrets).remove(unit)
    broker_files(paths).remove_account(unit)
    remove_value(paths.global_config, "cluster.addresses", unit)


class Admission:
    """Takes workers into the cluster of a leader."""

    def __init__(
        self,
        paths: Paths,
        *,
        workers: Callable[[], Collection[str]],
        unix_time_s: Callable[[], float],
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`workers` returns the names in the inventory; `report` is told what is being done."""
        self._paths = paths
        self._workers = workers
        self._unix_time_s = unix_time_s
        self._report = report

    def admit(self, request: JoinRequest) -> Joined:
        """Pair with a worker and make it one of this cluster.

        What was made for it is revoked again if it does not take it.
        """
        membership = self._membership()
        client = PairingClient(request.address)
        self._report(f"Looking for a worker at {client.host}.")
        offer = client.offer()
        self._check_name(offer, request, membership)
        refuse_distant(offer.unit, offer.version, __version__)
        self._report(f"Checking the code with {offer.unit}.")
        confirmed = client.confirm(request.code)
        difference_s = confirmed.unix_time_s - self._unix_time_s()
        self._report(f"Making a certificate, a token and an account for {offer.unit}.")
        tls = tls_files(self._paths)
        names = [offer.unit, f"{offer.unit}.local", "localhost", "127.0.0.1", client.host]
        certificate = sign(tls, confirmed.certificate_request, names)
        try:
            invitation = self._invitation(offer.unit, client.host, certificate, membership)
            if request.model is not None:
                invitation.model_name, invitation.model_version = request.model
            self._report(f"Sending them to {offer.unit}.")
            client.invite(invitation)
        except PioreactorError:
            if offer.unit not in self._workers():
                revoke_worker(self._paths, offer.unit)
            raise
        return Joined(offer.unit, client.host, offer.version, offer.model_name, offer.model_version, difference_s)

    def _membership(self) -> Membership:
        membership = read_membership(self._paths)
        if membership is None or membership.leader != membership.unit:
            raise NotFoundError("this unit leads no cluster", remedy="Run `pio cluster init` on the leader first.")
        return membership

    def _check_name(self, offer: Offer, request: JoinRequest, membership: Membership) -> None:
        if request.unit is not None and offer.unit != request.unit:
            raise ConflictError(
                f"the machine at {request.address} is called {offer.unit}, not {request.unit}",
                remedy="Check the address, or add it under its own name.",
            )
        if offer.unit in (membership.unit, VIEWER, HOME_ASSISTANT):
            raise ConflictError(
                f"the machine that wants to join is called {offer.unit}, and that name is taken",
                remedy="Give it another host name (hostnamectl set-hostname …), then run `pio cluster join` again.",
            )
        if not request.may_replace and offer.unit in self._workers():
            raise ConflictError(
                f"the cluster has a worker {offer.unit} already",
                remedy="Remove that one first, or say that this machine replaces it.",
            )

    def _invitation(self, unit: str, host: str, certificate: str, membership: Membership) -> Invitation:
        password = make_password()
        broker_files(self._paths).set_account(Account(unit, password, "unit"))
        set_value(self._paths.global_config, "cluster.addresses", unit, host)
        return Invitation(
            cluster=membership.cluster,
            leader=membership.leader,
            unit=unit,
            token=WorkerTokens(self._paths.secrets).renew(unit),
            broker_password=password,
            shared_configuration=self._paths.global_config.read_text(encoding="utf-8"),
            authority=tls_files(self._paths).authority.read_text(),
            certificate=certificate,
            unix_time_s=self._unix_time_s(),
            leader_version=__version__,
        )
