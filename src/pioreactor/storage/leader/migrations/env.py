"""Runs the revisions on the connection it is given."""

from alembic import context

if context.config.attributes["connection"].dialect.name == "postgresql":
    import pioreactor.storage.leader.postgresql.server_tables  # noqa: F401  tells Alembic how tables are created there

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
