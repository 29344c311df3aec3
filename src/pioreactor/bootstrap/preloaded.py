"""What the fork server imports besides the classes of jobs: modules that jobs import at first use.

None of them starts a thread, opens a file or reads the unit's data when it is imported. Left out are libraries of the
hardware, which may, and what few jobs need (numpy).
"""

from typing import Final

PRELOADED: Final = (
    *("click", "yaml", "paho.mqtt.client", "json", "shutil", "binascii", "zlib", "lzma", "bz2", "unicodedata"),
    *("encodings.idna", "stringprep", "gettext", "tempfile", "difflib", "http.client"),
    "pioreactor.automations.dosing.turbidostat",
    "pioreactor.automations.led.light_dark_cycle",
    "pioreactor.automations.temperature.thermostat",
    "pioreactor.background_jobs.monitor.reactor_checks",
    "pioreactor.bootstrap.process",
    "pioreactor.devices.board",
    "pioreactor.devices.drivers.ads111x",
    "pioreactor.devices.drivers.dac43608",
    "pioreactor.devices.drivers.gpio",
    "pioreactor.devices.drivers.pico",
    "pioreactor.devices.drivers.tmp1075",
    "pioreactor.devices.hat",
    "pioreactor.devices.rig",
    "pioreactor.http.client",
    "pioreactor.identity.assignment",
    "pioreactor.messaging.mqtt",
    "pioreactor.output_guard.output_guard",
    "pioreactor.plugin_management.discovery",
    "pioreactor.storage.artifacts",
)
