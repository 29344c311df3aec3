"""Reads and changes of the leader's database: one module per repository, in SQLAlchemy Core without a dialect."""
