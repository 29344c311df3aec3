"""What a physical act needs of whoever performs it: a job on its lane, or an action in its own process."""

from typing import Protocol

from pioreactor.observability.log import CustomLogger
from pioreactor.runtime.context import Runtime


class Host(Protocol):
    """A job or a managed lifecycle."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def unit(self) -> str: ...

    @property
    def experiment(self) -> str: ...

    @property
    def owner(self) -> str:
        """Return the name under which it owns outputs."""
        ...

    @property
    def logger(self) -> CustomLogger: ...

    def publish(self, topic: str, payload: object, qos: int = 1, retain: bool = False) -> None: ...

    def sleep(self, duration_s: float, *, pausable: bool = False) -> None:
        """Wait; raise `StoppedError` when asked to stop (or, if `pausable`, to pause)."""
        ...
