"""The leader's database: what the whole cluster measured, did and decided.

Needs SQLAlchemy and Alembic (the `leader` extra), except `tables`, which is plain data.
"""
