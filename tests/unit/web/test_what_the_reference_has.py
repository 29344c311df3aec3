"""Every route, command and topic of the existing software is here, or the page about it says that it is not."""

import json
import re
from pathlib import Path

import click
import pytest

from pioreactor import topics
from pioreactor.cli.pios import pios
from pioreactor.cli.tree import pio
from pioreactor.web.api import openapi_document
from pioreactor.web.asyncapi import render

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "what-the-reference-has.md").read_text(encoding="utf-8")
ROUTES = re.findall(r"^[A-Z]+ /\S+$", (Path(__file__).parent / "reference_routes.txt").read_text(), re.MULTILINE)
COMMANDS = """
pio run, pio run monitor, pio run stirring, pio run od_reading, pio run growth_rate_calculating clear_cache,
pio run dosing_automation, pio run led_automation, pio run temperature_automation, pio run led_intensity,
pio run add_media, pio run add_alt_media, pio run remove_waste, pio run circulate_media, pio run circulate_alt_media,
pio run pumps, pio run od_blank delete, pio run self_test, pio run mqtt_to_db_streaming, pio run export_experiment_data,
pio run backup_database, pio run experiment_profile execute, pio run experiment_profile verify, pio run camera_snapshot,
pio kill, pio jobs list, pio jobs info, pio jobs set, pio jobs purge, pio logs, pio log, pio blink,
pio config get, pio config set, pio config show, pio cache view, pio cache purge, pio cache list, pio status,
pio repair,
pio version, pio update app, pio update firmware, pio update verify-release-archive, pio calibrations list,
pio calibrations run, pio calibrations protocols, pio calibrations display, pio calibrations set-active,
pio calibrations delete, pio calibrations analyze, pio estimators list, pio estimators protocols,
pio estimators set-active, pio estimators delete, pio estimators analyze, pio plugins install, pio plugins uninstall,
pio plugins list, pio usb list, pio usb mount, pio usb scan, pio usb path, pio usb eject, pio workers add,
pio workers remove, pio workers assign, pio workers unassign, pio workers update-active, pio workers update-model,
pio workers discover, pio workers status, pio workers model get, pio workers model set, pio experiments create,
pio experiments list, pio experiments delete, pio db, pio mqtt, pio model get, pio model set, pio cluster join,
pio cluster leave, pios cp, pios rm, pios run, pios kill, pios jobs list, pios jobs set, pios sync-configs,
pios update app, pios plugins install, pios plugins uninstall, pios reboot, pios shutdown
"""
TOPICS = """
monitor/$state, od_reading/ods, od_reading/od1, od_reading/raw_od1, od_reading/od_fused,
od_reading/relative_intensity_of_ir_led, growth_rate_calculating/growth_rate, growth_rate_calculating/od_filtered,
temperature_automation/temperature, stirring/measured_rpm, dosing_events, leds/intensity, bioreactor/current_volume_ml,
bioreactor/alt_media_fraction, pwms/channel_dc, dosing_automation/latest_event, led_automation/latest_event,
temperature_automation/latest_event, camera/latest_still, pid_log/target_rpm, od_blank/means,
self_test/all_tests_passed, stirring_calibration/percent_progress, logs/app/error,
experiment_profile/1/experiment_profile_name
"""


def words(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


def is_served(route: str, served: set[str]) -> bool:
    """Return whether a route is served under the same words; the names of time series are values of one route."""
    return route in served or re.sub(r"(/time_series/)\w+$", r"\1*", route) in served


def test_a_route_is_here_or_the_page_says_that_it_is_not() -> None:
    paths = json.loads(openapi_document())["paths"]
    served = {
        f"{method.upper()} {re.sub(r'{[^}]+}', '*', path)}" for path, methods in paths.items() for method in methods
    }
    images = {route.replace("stills/*", "stills/*.jpg") for route in served}
    missing = [route for route in ROUTES if not is_served(route, served | images)]
    assert (len(ROUTES), missing) == (266, re.findall(r"`([A-Z]+ /\S+)` \(not here\)", PAGE))


@pytest.mark.parametrize("command", words(COMMANDS))
def test_a_command_is_here(command: str) -> None:
    program, *names = command.split()
    found: click.Command | None = pios if program == "pios" else pio
    for name in names:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
        assert found is not None, command


def test_topics_are_in_the_catalog() -> None:
    channels = [channel["address"] for channel in json.loads(render())["channels"].values()]
    filters = [re.sub(r"\{[^}]+\}", "+", address) for address in channels]
    unlisted = [
        topic
        for topic in words(TOPICS)
        if not any(
            topics.matches(one, f"pioreactor/unit1/{experiment}/{topic}")
            for one in filters
            for experiment in ("exp", "$experiment")
        )
    ]
    assert unlisted == []
