"""Context that operations on actuators need: a job on its lane, or an action in its own process."""

from typing import Protocol

from pioreactor.observability.log import CustomLogger
from pioreactor.runtime.context import Runtime


class ActuatorContext(Protocol):
    """Interface that jobs and managed lifecycles provide to code that drives outputs."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def unit(self) -> str: ...

    @property
    def experiment(self) -> str: ...

    @property
    def owner(self) -> str:
        """Return the name under which this process owns outputs."""
        ...

    @property
    def logger(self) -> CustomLogger: ...

    def publish(self, topic: str, payload: object, qos: int = 1, retain: bool = False) -> None: ...

    def sleep(self, duration_s: float, *, pausable: bool = False) -> None:
        """Wait `duration_s` [s]; raise `StoppedError` on a stop request (or, if `pausable`, a pause request)."""
        ...
