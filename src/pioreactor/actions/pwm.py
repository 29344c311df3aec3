"""Publication of the duty cycles of power outputs, after a change of the hardware."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from pioreactor import structs, topics
from pioreactor.exc import PioreactorError
from pioreactor.jobs.actuator_context import ActuatorContext

log = logging.getLogger(__name__)


def publish_duties(host: ActuatorContext) -> None:
    """Publish the duty of each PWM channel that is on [%], by channel. Errors are logged, not raised."""
    try:
        duties = host.runtime.open_rig().pwm_duties_by_channel()
    except (PioreactorError, OSError) as error:
        log.debug("The duties of the outputs cannot be told: %s", error)
        return
    payload = duties_payload(duties, host.runtime.clock.now())
    host.publish(topics.pwm_duties(host.unit, host.experiment), payload, qos=0, retain=True)


def duties_payload(duties: Mapping[str, float], at: datetime) -> structs.PWMDutyCycles:
    """Return the payload for duty cycles by channel [%]; without the channels that are off."""
    on = {channel: round(duty, 5) for channel, duty in duties.items() if duty > 0}
    return structs.PWMDutyCycles(timestamp=at, channels=on)
