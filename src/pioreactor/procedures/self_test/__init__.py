"""Self-tests: is every part of this reactor there, connected, and doing what it should?"""

from pioreactor.procedures.self_test.failure import SelfTestFailure as SelfTestFailure
from pioreactor.procedures.self_test.registry import register_self_tests as register_self_tests
