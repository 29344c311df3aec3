"""The revisions of the leader's database, for Alembic."""
