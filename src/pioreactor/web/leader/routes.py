"""All routes of the leader."""

from litestar import Router

from pioreactor.web import plugin_registry
from pioreactor.web.leader import (
    assignments,
    calibration_sessions,
    calibrations,
    configuration,
    experiments,
    jobs,
    lab_bench,
    logs,
    overview,
    profiles,
    quarantine,
    readings,
    workers,
)


def leader_routes() -> Router:
    parts = (
        *(experiments, workers, assignments, jobs, readings, logs),
        *(configuration, overview, calibrations, calibration_sessions, profiles, quarantine, lab_bench),
    )
    return Router("/api", route_handlers=[*(part.ROUTES for part in parts), plugin_registry.routes("/api")])
