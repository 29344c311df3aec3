"""The schema of the leader's database: SQLAlchemy Core tables, and the DDL that SQLAlchemy does not describe."""

from pioreactor.storage.leader.schema import streams as streams  # adds its tables to METADATA
from pioreactor.storage.leader.schema.tables import METADATA

__all__ = ["METADATA"]
