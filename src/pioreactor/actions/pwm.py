"""Publication of the duty cycles of power outputs, after a change of the hardware."""

from __future__ import annotations

import logging

from pioreactor import topics
from pioreactor.exc import PioreactorError
from pioreactor.jobs.actuator_context import ActuatorContext

log = logging.getLogger(__name__)


def publish_duties(host: ActuatorContext) -> None:
    """Publish the duty of each PWM pin that is on [%], by pin. Errors are logged, not raised."""
    try:
        duties = host.runtime.open_rig().pwm_duties()
    except (PioreactorError, OSError) as error:
        log.debug("The duties of the outputs cannot be told: %s", error)
        return
    on = {str(pin): round(duty, 5) for pin, duty in duties.items() if duty > 0}
    host.publish(topics.setting(host.unit, host.experiment, "pwms", "dc"), on, qos=0, retain=True)
