"""Stand-ins for hardware that plugins choose where there is none."""

from __future__ import annotations


class MockI2C:
    """A simulated I²C bus: writes are ignored, reads return zeros."""

    def __init__(self, SCL: object = None, SDA: object = None) -> None:  # noqa: N803  the names that plugins pass
        self.pins = (SCL, SDA)

    def __enter__(self) -> MockI2C:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def writeto(self, address: int, buffer: bytes, **_: object) -> None: ...

    def readfrom_into(self, _address: int, buffer: bytearray, **_: object) -> None:
        buffer[:] = bytes(len(buffer))

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None: ...


class MockTMP1075:
    """A thermometer that shows 25 °C."""

    def __init__(self, address: int | None = None) -> None:
        self.address = address

    def get_temperature(self) -> float:
        return 25.0
