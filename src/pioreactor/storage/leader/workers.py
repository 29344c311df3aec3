"""The inventory: which workers the cluster has, of which model, and whether they are in use."""

import ipaddress
import re

import msgspec

from pioreactor.exc import InvalidRequestError, NoWorkerFoundError
from pioreactor.storage.leader.assignments import end_assignments
from pioreactor.storage.leader.config_history import forget_unit
from pioreactor.storage.leader.repository_context import Access, change

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


class Workers:
    """Ordered by name. Every change of an unknown worker is `NoWorkerFoundError`."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def all(self) -> list[Worker]:
        return self._select("ORDER BY pioreactor_unit")

    def active(self) -> list[Worker]:
        return self._select("WHERE is_active = 1 ORDER BY pioreactor_unit")

    def get(self, unit: str) -> Worker:
        found = self._select("WHERE pioreactor_unit = :unit", unit=unit)
        if not found:
            raise _unknown(unit)
        return found[0]

    def add(self, unit: str, *, model_name: str | None = None, model_version: str | None = None) -> Worker:
        """Add a worker; one that is there already takes the model, and keeps the rest."""
        with self._access.writing() as connection:
            change(
                connection,
                "INSERT INTO workers (pioreactor_unit, added_at, model_name, model_version, is_active) "
                "VALUES (:unit, :at, :model, :version, 1) ON CONFLICT (pioreactor_unit) DO UPDATE SET "
                "model_name = excluded.model_name, model_version = excluded.model_version",
                unit=check_unit_name(unit),
                at=self._access.timestamp(),
                model=model_name,
                version=model_version,
            )
        return self.get(unit)

    def remove(self, unit: str) -> None:
        """Remove a worker, its assignment and its configuration's history. Its measurements stay."""
        with self._access.writing() as connection:
            end_assignments(connection, at=self._access.timestamp(), unit=unit)
            if not change(connection, "DELETE FROM workers WHERE pioreactor_unit = :unit", unit=unit):
                raise _unknown(unit)
            forget_unit(connection, unit)

    def set_active(self, unit: str, *, is_active: bool) -> Worker:
        self._update(unit, "is_active = :active", active=int(is_active))
        return self.get(unit)

    def set_model(self, unit: str, *, model_name: str, model_version: str) -> Worker:
        self._update(unit, "model_name = :model, model_version = :version", model=model_name, version=model_version)
        return self.get(unit)

    def _update(self, unit: str, assignments: str, **values: str | int) -> None:
        with self._access.writing() as connection:
            sql = f"UPDATE workers SET {assignments} WHERE pioreactor_unit = :unit"
            if not change(connection, sql, unit=unit, **values):
                raise _unknown(unit)

    def _select(self, clause: str, **parameters: str) -> list[Worker]:
        rows = self._access.rows(
            f"SELECT pioreactor_unit, added_at, is_active, model_name, model_version FROM workers {clause}",
            **parameters,
        )
        return [Worker(*row) for row in rows]


def _unknown(unit: str) -> NoWorkerFoundError:
    return NoWorkerFoundError(f"the cluster has no worker {unit!r}")
