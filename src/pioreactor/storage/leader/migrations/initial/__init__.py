"""The schema of revision 0001, frozen, and how a database is completed to it."""
