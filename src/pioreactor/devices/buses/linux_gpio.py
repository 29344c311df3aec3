"""Digital pins of a Raspberry Pi through the kernel's GPIO character device."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pioreactor.devices.buses.rpi_library import import_rpi
from pioreactor.exc import HardwareNotFoundError

Pull = Literal["up", "down"]

_KERNEL_KEEPS: Final = 1024
"""Edges that the kernel holds for one line, the newest; it stamps them with the monotonic clock."""


class LinuxGpioLines:
    """Pins by BCM number. A pin belongs to this process from its first use until `close`."""

    def __init__(self, chip: int, *, pulls: Mapping[int, Pull]) -> None:
        self._path = f"/dev/gpiochip{chip}"
        self._pulls = pulls
        self._outputs: dict[int, Any] = {}
        self._inputs: dict[int, Any] = {}
        self._counted: dict[int, Any] = {}

    def write(self, pin: int, *, high: bool) -> None:
        line = import_rpi("gpiod.line")
        value = line.Value.ACTIVE if high else line.Value.INACTIVE
        request = self._outputs.get(pin)
        if request is None:
            self._outputs[pin] = self._request(pin, direction=line.Direction.OUTPUT, output_value=value)
        else:
            request.set_value(pin, value)

    def read(self, pin: int) -> bool:
        line = import_rpi("gpiod.line")
        request = self._counted.get(pin, self._inputs.get(pin))
        if request is None:
            request = self._request(pin, direction=line.Direction.INPUT, bias=self._bias(pin))
            self._inputs[pin] = request
        return bool(request.get_value(pin) == line.Value.ACTIVE)

    def falling_edges(self, pin: int) -> list[float]:
        request = self._counted.get(pin)
        if request is None:
            line = import_rpi("gpiod.line")
            plain = self._inputs.pop(pin, None)
            if plain is not None:
                plain.release()
            self._counted[pin] = self._request(
                pin, direction=line.Direction.INPUT, edge_detection=line.Edge.FALLING, bias=self._bias(pin)
            )
            return []
        times: list[float] = []
        while request.wait_edge_events(timeout=0):
            times.extend(event.timestamp_ns / 1e9 for event in request.read_edge_events())
        return times

    def close(self) -> None:
        for requests in (self._outputs, self._inputs, self._counted):
            for request in requests.values():
                request.release()
            requests.clear()

    def _request(self, pin: int, **settings: Any) -> Any:
        gpiod = import_rpi("gpiod")
        try:
            return gpiod.request_lines(
                self._path,
                consumer="pioreactor",
                config={pin: gpiod.LineSettings(**settings)},
                event_buffer_size=_KERNEL_KEEPS,
            )
        except OSError as error:
            raise HardwareNotFoundError(f"pin {pin} of {self._path} cannot be used: {error}") from error

    def _bias(self, pin: int) -> Any:
        bias = import_rpi("gpiod.line").Bias
        match self._pulls.get(pin):
            case "up":
                return bias.PULL_UP
            case "down":
                return bias.PULL_DOWN
            case _:
                return bias.AS_IS
