"""`pioreactor.whoami` at an older address."""

from pioreactor.whoami import *  # noqa: F403
