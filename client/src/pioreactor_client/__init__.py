"""Python client of a Pioreactor cluster: reactors, jobs, settings and recorded data as objects.

from pioreactor_client import Client

client = Client.connect("http://leader.local", token="…")  # or Client.simulated()
reactor = client.reactors[0]
reactor.stirring.start(target_rpm=500)
"""

from pioreactor_client.client import Client, Reactors
from pioreactor_client.credentials import save_token
from pioreactor_client.errors import (
    CertificateError,
    ClientError,
    CredentialsError,
    IncompatibleServerError,
    NotAuthenticatedError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    ServerError,
    TimedOutError,
    UnreachableError,
)
from pioreactor_client.history import History
from pioreactor_client.job import Job
from pioreactor_client.quantity import Point, Quantity
from pioreactor_client.reactor import Reactor
from pioreactor_client.version import __version__

__all__ = [
    "CertificateError",
    "Client",
    "ClientError",
    "CredentialsError",
    "History",
    "IncompatibleServerError",
    "Job",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotPermittedError",
    "Point",
    "Quantity",
    "Reactor",
    "Reactors",
    "RefusedError",
    "ServerError",
    "TimedOutError",
    "UnreachableError",
    "__version__",
    "save_token",
]
