"""All routes of a unit."""

from collections.abc import Sequence

from litestar import Router

from pioreactor.web import plugin_registry
from pioreactor.web.plugin_registry import PluginRoute
from pioreactor.web.route_declarations import OneAppRouter
from pioreactor.web.services_in_scope import provide
from pioreactor.web.unit import (
    backups,
    calibration_sessions,
    calibrations,
    camera_stills,
    capabilities,
    configuration,
    estimators,
    experiment_rename,
    files,
    jobs,
    lab_bench,
    machine,
    plugins,
    reactor_model,
    system,
    updates,
    utc_clock,
    whole_unit,
)

PARTS = (
    *(system, utc_clock, machine, reactor_model, jobs, capabilities, calibrations, calibration_sessions, lab_bench),
    *(estimators, experiment_rename, configuration, files, backups, plugins, whole_unit, camera_stills, updates),
)


def unit_routes(added: Sequence[PluginRoute] = ()) -> Router:
    """Return the router of `/unit_api` with routes that plugins added; the argument `unit` is for our own only."""
    own = OneAppRouter("/", route_handlers=[part.ROUTES for part in PARTS], dependencies={"unit": provide("unit")})
    return OneAppRouter("/unit_api", route_handlers=[own, plugin_registry.routes("/unit_api", added)])
