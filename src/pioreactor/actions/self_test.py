"""The self-test's extension point under the name plugins import; the self-test is a layer above."""

from pioreactor.public_names import load_on_access

__getattr__ = load_on_access(__name__, {"register_self_tests": "pioreactor.procedures.self_test"})
