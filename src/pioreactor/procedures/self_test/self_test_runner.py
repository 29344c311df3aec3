"""Run self-tests one after another; publish and store their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pioreactor.exc import HardwareNotFoundError, NotFoundError, PioreactorError, StoppedError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import AUTOMATIONS, OD_READING, PUMPS, STIRRING, refuse_while_running
from pioreactor.procedures.self_test import camera, heating, light, power, stirring
from pioreactor.procedures.self_test.fixture import SelfTestFixture
from pioreactor.procedures.self_test.registry import SelfTest, registered_self_tests
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.types import UNIVERSAL_EXPERIMENT

JOB_NAME = "self_test"
CACHE = "self_test_results"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one test."""

    name: str
    passed: bool
    message: str | None = None
    remedy: str | None = None


def all_self_tests() -> dict[str, SelfTest]:
    """Return every self-test by its name without the prefix, in the order in which they run."""
    built_in = [*power.TESTS, *light.TESTS, *heating.TESTS, *stirring.TESTS, *camera.TESTS]
    tests = {test.__name__: test for test in built_in}
    tests.update(registered_self_tests())
    return {name.removeprefix("test_"): test for name, test in tests.items()}


def select(runtime: Runtime, substring: str | None, *, retry_failed: bool) -> dict[str, SelfTest]:
    """Return the tests to run; raise `NotFoundError` when none fits."""
    tests = all_self_tests()
    if not runtime.settings.camera.enabled:
        tests = {name: test for name, test in tests.items() if test not in camera.TESTS}
    if substring:
        wanted = substring.lower()
        tests = {name: test for name, test in tests.items() if wanted in f"test_{name}".lower()}
    if retry_failed:
        cache = runtime.stores.persistent(CACHE)
        tests = {name: test for name, test in tests.items() if cache.get(name) == 0}
    if not tests and not retry_failed:
        raise NotFoundError(f"no self-test has {substring!r} in its name", remedy="See: pio run self_test --list")
    return tests


def run_self_tests(
    tests: Mapping[str, SelfTest],
    *,
    on_begun: Callable[[str], None] = lambda _: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Run these tests; `on_begun` is called with the name of each as it begins, `on_outcome` with its outcome.

    Raise `ReactorInUseError` when a job uses the reactor, `StoppedError` when the run is stopped: what was not
    finished keeps its former result.
    """
    runtime = context.current()
    refuse_while_running(runtime, [OD_READING, STIRRING, *AUTOMATIONS, *PUMPS], what="the self-test")
    cache = runtime.stores.persistent(CACHE)
    outcomes = []
    with managed_lifecycle(runtime.unit, UNIVERSAL_EXPERIMENT, JOB_NAME, exclusive=True) as action:
        fixture = SelfTestFixture(runtime, action)
        for setting in ("all_tests_passed", "failures", *(f"test_{name}" for name in tests)):
            action.publish_setting(setting, None)  # who looks now must not take a former result for this run's
        failures: dict[str, dict[str, str | None]] = {}
        for name, test in tests.items():
            action.logger.debug("Starting test %s.", name)
            on_begun(name)
            outcome = _run_one(fixture, name, test)
            outcomes.append(outcome)
            cache.set(name, int(outcome.passed))
            action.publish_setting(f"test_{name}", int(outcome.passed))
            if not outcome.passed:
                failures[name] = {"message": outcome.message, "remedy": outcome.remedy}
                action.publish_setting("failures", failures)
                action.logger.warning("%s: %s. %s", name, outcome.message, outcome.remedy or "")
            on_outcome(outcome)
        passed = all(outcome.passed for outcome in outcomes)
        action.publish_setting("all_tests_passed", int(passed))
        failed = sum(not outcome.passed for outcome in outcomes)
        if failed:
            action.logger.warning("%d of %d self-tests failed.", failed, len(outcomes))
        else:
            action.logger.notice("All %d self-tests passed.", len(outcomes))
    return outcomes


def _run_one(fixture: SelfTestFixture, name: str, test: SelfTest) -> Outcome:
    fixture.begin()
    try:
        test(fixture)
    except StoppedError:
        raise
    except PioreactorError as error:
        remedy = error.remedy
        if remedy is None and isinstance(error, HardwareNotFoundError):
            remedy = "Check the cable to that chip; `pioreactor_HAT_present` names the part."
        return Outcome(name, False, str(error), remedy)
    except Exception as error:
        # a test may be a plugin's; whatever it does wrong, the others are run
        fixture.action.logger.exception("%s broke.", name)
        return Outcome(name, False, f"{type(error).__name__}: {error}", "Report this: the test itself is at fault.")
    return Outcome(name, True)
