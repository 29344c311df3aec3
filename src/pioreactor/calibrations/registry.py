"""Protocols: named ways to calibrate a device. Subclassing `CalibrationProtocol` is registering."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import ClassVar, Self

from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.payloads import CalibrationSession
from pioreactor.calibrations.sessions.session_context import StepRegistry
from pioreactor.exc import NotFoundError
from pioreactor.runtime import context
from pioreactor.structs.encoding import to_timestamp

DEFAULT_PRIORITY = 99
_protocols: dict[tuple[str, str], type[CalibrationProtocol]] = {}


class CalibrationProtocol:
    """One way to calibrate one or several devices. Plugins give `step_registry`, or only `run(target_device)`."""

    protocol_name: ClassVar[str] = ""
    target_device: ClassVar[str | list[str]] = ""
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    """`{device}` stands for the device."""
    requirements: ClassVar[tuple[str, ...]] = ()
    priority: ClassVar[int] = DEFAULT_PRIORITY
    """Of several protocols of a device the one with the lowest is offered first."""
    step_registry: ClassVar[StepRegistry] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.protocol_name:
            for device in cls.devices():
                _protocols[device, cls.protocol_name] = cls

    def __class_getitem__(cls, device: object) -> type[Self]:
        """Return the class itself: plugins write `CalibrationProtocol[str]`, the type of the device."""
        return cls

    @classmethod
    def devices(cls) -> list[str]:
        return [cls.target_device] if isinstance(cls.target_device, str) else list(cls.target_device)

    @classmethod
    def is_offered(cls, device: str) -> bool:  # noqa: ARG003  subclasses look
        """Return whether the present unit can be calibrated with it."""
        return True

    @classmethod
    def start_session(cls, target_device: str) -> CalibrationSession:
        """Return a new session at the first step; raise when the unit is not ready for it."""
        return new_session(cls, target_device)

    @classmethod
    def on_session_abort(cls, session: CalibrationSession) -> None:
        """Stop what the session has running. Called when it is canceled."""

    def run(self, target_device: str, **_options: object) -> object:
        """Calibrate in the terminal; return the calibration, or the list of them."""
        from pioreactor.calibrations.sessions.terminal import run_session_in_cli

        return run_session_in_cli(self.step_registry, self.start_session(target_device))


def new_session(
    protocol: type[CalibrationProtocol], device: str, *, data: Mapping[str, object] | None = None
) -> CalibrationSession:
    """Return a session at a protocol's first step, and keep it."""
    runtime = context.current()
    now = to_timestamp(runtime.clock.now())
    session = CalibrationSession(
        session_id=str(uuid.uuid4()),
        protocol_name=protocol.protocol_name,
        target_device=device,
        status="in_progress",
        step_id=next(iter(protocol.step_registry), "ended"),
        data=dict(data) if data is not None else {},
        created_at=now,
        updated_at=now,
    )
    session_store.forget_old(runtime)
    session_store.save(runtime, session)
    return session


def get_protocol(device: str, protocol_name: str) -> type[CalibrationProtocol]:
    """Return a protocol of a device; raise `NotFoundError` naming those there are."""
    found = _protocols.get((device, protocol_name))
    if found is None:
        known = ", ".join(protocol.protocol_name for protocol in protocols_of(device))
        raise NotFoundError(
            f"{device} has no calibration protocol {protocol_name!r}",
            remedy=f"Choose one of: {known}." if known else "See: pio calibrations protocols",
        )
    return found


def protocols_of(device: str) -> list[type[CalibrationProtocol]]:
    """Return the protocols of a device, those to be offered first in front."""
    found = [protocol for (each, _), protocol in _protocols.items() if each == device]
    return sorted(found, key=lambda protocol: (protocol.priority, protocol.protocol_name))


def all_protocols() -> list[tuple[str, type[CalibrationProtocol]]]:
    """Return (device, protocol) pairs that can be used on the present unit."""
    devices = sorted({device for device, _ in _protocols})
    return [(device, one) for device in devices for one in protocols_of(device) if one.is_offered(device)]


def describe(device: str, protocol: type[CalibrationProtocol]) -> dict[str, object]:
    """Return the public description of a protocol."""
    return {
        "id": f"{device}/{protocol.protocol_name}",
        "target_device": device,
        "protocol_name": protocol.protocol_name,
        "priority": protocol.priority,
        "title": protocol.title.replace("{device}", device) or protocol.protocol_name,
        "description": protocol.description.replace("{device}", device),
        "requirements": [each.replace("{device}", device) for each in protocol.requirements],
    }
