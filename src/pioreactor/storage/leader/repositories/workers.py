"""The inventory: which workers the cluster has, of which model, and whether they are in use."""

import ipaddress
import re

import msgspec
from sqlalchemy import Select, delete, insert, select, update

from pioreactor.exc import InvalidRequestError, NoWorkerFoundError
from pioreactor.storage.leader.repositories.assignments import end_assignments
from pioreactor.storage.leader.repositories.config_history import forget_unit
from pioreactor.storage.leader.repositories.context import Access, change, exists
from pioreactor.storage.leader.schema.tables import workers

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class Worker(msgspec.Struct, frozen=True):
    """`is_active`: 0 or 1."""

    pioreactor_unit: str
    added_at: str
    is_active: int
    model_name: str | None
    model_version: str | None


def check_unit_name(name: str) -> str:
    """Return the name; raise `InvalidRequestError` unless it is a plain host name."""
    if not _NAME.fullmatch(name) or name.casefold() == "localhost" or _is_address(name):
        raise InvalidRequestError(
            f"{name!r} cannot name a unit", remedy="Use letters, digits, hyphens and underscores; not an address."
        )
    return name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


_QUERY = select(
    workers.c.pioreactor_unit, workers.c.added_at, workers.c.is_active, workers.c.model_name, workers.c.model_version
).order_by(workers.c.pioreactor_unit)


class Workers:
    """Ordered by name. Every change of an unknown worker is `NoWorkerFoundError`."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Worker]:
        return self._select(_QUERY)

    def active(self) -> list[Worker]:
        return self._select(_QUERY.where(workers.c.is_active == 1))

    def get(self, unit: str) -> Worker:
        found = self._select(_QUERY.where(workers.c.pioreactor_unit == unit))
        if not found:
            raise _unknown(unit)
        return found[0]

    def add(self, unit: str, *, model_name: str | None = None, model_version: str | None = None) -> bool:
        """Add a worker, and return whether it is new; one that is there already is left as it is."""
        check_unit_name(unit)
        added = {"pioreactor_unit": unit, "added_at": self._access.timestamp(), "is_active": 1}
        with self._access.writing() as connection:
            if exists(connection, select(workers).where(workers.c.pioreactor_unit == unit)):
                return False
            change(connection, insert(workers).values(**added, model_name=model_name, model_version=model_version))
        return True

    def remove(self, unit: str) -> None:
        """Remove a worker, its assignment and its configuration's history. Its measurements stay."""
        with self._access.writing() as connection:
            end_assignments(connection, at=self._access.timestamp(), unit=unit)
            if not change(connection, delete(workers).where(workers.c.pioreactor_unit == unit)):
                raise _unknown(unit)
            forget_unit(connection, unit)

    def set_active(self, unit: str, *, is_active: bool) -> Worker:
        self._update(unit, is_active=int(is_active))
        return self.get(unit)

    def set_model(self, unit: str, *, model_name: str, model_version: str) -> Worker:
        self._update(unit, model_name=model_name, model_version=model_version)
        return self.get(unit)

    def _update(self, unit: str, **values: str | int) -> None:
        with self._access.writing() as connection:
            if not change(connection, update(workers).where(workers.c.pioreactor_unit == unit).values(**values)):
                raise _unknown(unit)

    def _select(self, query: Select[tuple[str, str, int, str | None, str | None]]) -> list[Worker]:
        return [Worker(*row) for row in self._access.rows(query)]


def _unknown(unit: str) -> NoWorkerFoundError:
    return NoWorkerFoundError(f"the cluster has no worker {unit!r}")
