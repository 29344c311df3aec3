"""The client of one cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from pioreactor_client import answers
from pioreactor_client.answer_checks import raise_for_distant_version
from pioreactor_client.api import Api, path_of
from pioreactor_client.credentials import URL_VARIABLE, find_token
from pioreactor_client.errors import ClientError, NotFoundError
from pioreactor_client.reactor import Reactor
from pioreactor_client.transport import Transport


class Reactors(Sequence[Reactor]):
    """The reactors of a cluster, by position or by name, in the order of their names."""

    def __init__(self, found: list[Reactor]) -> None:
        self._found = found

    def __getitem__(self, key: int | str | slice) -> Reactor:  # type: ignore[override]  # no slices
        if isinstance(key, int):
            return self._found[key]
        for reactor in self._found:
            if reactor.name == key:
                return reactor
        names = ", ".join(reactor.name for reactor in self._found)
        raise NotFoundError(f"there is no reactor {key}", remedy=f"One of {names}." if names else "Add one first.")

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Reactor]:
        return iter(self._found)

    def __repr__(self) -> str:
        return f"<Reactors {', '.join(reactor.name for reactor in self._found)}>"


class Client:
    """A cluster: made by `connect`, or by `simulated`. Close it, or use it in a `with` block."""

    def __init__(self, transport: Transport) -> None:
        self.api = Api(transport)

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        token: str | None = None,
        *,
        ca: str | Path | None = None,
        fingerprint: str | None = None,
    ) -> Client:
        """Connect to a leader, and see that it answers and takes the token.

        Without `url` it is `PIOREACTOR_URL`; without `token` it is `PIOREACTOR_TOKEN`, else that in the user's config
        directory. Over HTTPS, `ca` is the file of the cluster's own authority, `fingerprint` the SHA-256 of the
        leader's certificate. Raise `UnreachableError`, `CertificateError`, `CredentialsError`, `NotAuthenticatedError`,
        and `IncompatibleServerError` when the leader is more than one main version older or newer.
        """
        from pioreactor_client.http_transport import HttpTransport

        address = url if url is not None else os.environ.get(URL_VARIABLE)
        if not address:
            raise ClientError("there is no URL of a leader", remedy=f"Pass it, or set {URL_VARIABLE}.")
        client = cls(HttpTransport(address, find_token(address, token), ca=ca, fingerprint=fingerprint))
        try:
            raise_for_distant_version(client.api.transport.request("GET", path_of("unit_api", "versions", "app")))
            client.reactors  # noqa: B018  the first question shows whether the leader can be used
        except ClientError:
            client.close()
            raise
        return client

    @classmethod
    def simulated(cls, *, reactors: int = 1, scenario: str = "ecoli_turbidostat", seed: int = 1) -> Client:
        """Return a cluster of simulated reactors in this process: the software itself, in virtual time.

        Time passes in `sleep`, in live iteration, and while a job starts or stops. Equal steps give equal data.
        Needs `pioreactor-client[simulated]`.
        """
        try:
            from pioreactor_client.simulated_transport import SimulatedTransport
        except ImportError as error:
            raise ClientError(
                f"the software itself is not installed here: {error}",
                remedy='pip install "pioreactor-client[simulated]"',
            ) from error
        return cls(SimulatedTransport.start(reactors=reactors, scenario=scenario, seed=seed))

    @property
    def reactors(self) -> Reactors:
        """The reactors in the leader's inventory."""
        rows = self.api.get(list[answers.WorkerRow], "api", "workers")
        return Reactors([Reactor(self.api, name) for name in sorted(row.pioreactor_unit for row in rows)])

    @property
    def experiments(self) -> list[answers.Experiment]:
        """The experiments of the cluster."""
        return self.api.get(list[answers.Experiment], "api", "experiments")

    def create_experiment(self, name: str, *, reactors: Sequence[Reactor] = (), description: str = "") -> None:
        """Create an experiment and assign reactors to it; raise `RefusedError` when there is one of that name."""
        body = {"experiment": name, "description": description}
        self.api.change(object, "POST", body, "api", "experiments")
        for reactor in reactors:
            assigned = {"pioreactor_unit": reactor.name}
            self.api.change(object, "PUT", assigned, "api", "experiments", name, "workers")

    def sleep(self, *, seconds: float = 0.0, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Let time pass: wait, or on a simulated cluster let its time run."""
        duration_s = seconds + 60 * minutes + 3600 * hours
        if duration_s < 0:
            raise ValueError(f"time does not pass backwards: {duration_s:g} s")
        self.api.transport.sleep(duration_s)

    def close(self) -> None:
        """Close the connection; a simulated cluster ends. Idempotent."""
        self.api.transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.api.transport.address}>"

    def _repr_html_(self) -> str:
        rows = "".join(reactor._repr_html_() for reactor in self.reactors)
        return f"<p>Cluster at {escape(self.api.transport.address)}</p>{rows}"
