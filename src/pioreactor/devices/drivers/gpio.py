"""The LED and the button on the HAT."""

from pioreactor.devices.buses.ports import GpioLines


class HatIndicator:
    """The LED on the HAT, lit by a high level."""

    def __init__(self, gpio: GpioLines, pin: int) -> None:
        self._gpio = gpio
        self._pin = pin

    def on(self) -> None:
        self._gpio.write(self._pin, high=True)

    def off(self) -> None:
        self._gpio.write(self._pin, high=False)


class HatButton:
    """The button on the HAT, high while pressed."""

    def __init__(self, gpio: GpioLines, pin: int) -> None:
        self._gpio = gpio
        self._pin = pin

    def is_pressed(self) -> bool:
        return self._gpio.read(self._pin)
