"""A cluster in virtual time with its real web servers, in the process that wants it: for notebooks and tests."""
