"""All routes of the leader."""

from collections.abc import Sequence

from litestar import Router

from pioreactor.web import plugin_registry
from pioreactor.web.leader import (
    alarm_conditions,
    alarm_routes,
    assignments,
    audit_trail,
    cameras,
    campaigns,
    cluster_updates,
    configuration,
    data_imports,
    database_backups,
    experiments,
    exports,
    jobs,
    joining,
    logs,
    mcp_endpoint,
    overview,
    plugin_files,
    profiles,
    proposals,
    quarantine,
    readings,
    rehearsals,
    typed_commands,
    unit_archives,
    wifi_network,
    workers,
)
from pioreactor.web.leader.home_assistant import routes as home_assistant_routes
from pioreactor.web.leader.relayed_routes import relayed_routes
from pioreactor.web.plugin_registry import PluginRoute
from pioreactor.web.route_declarations import OneAppRouter


def leader_routes(added: Sequence[PluginRoute] = ()) -> Router:
    """Return the routers of `/api` and of exported files, with routes that plugins added."""
    parts = (
        *(experiments, joining, wifi_network, workers, assignments, jobs, readings, logs),
        *(configuration, overview, profiles, rehearsals, campaigns, proposals, quarantine, exports, plugin_files),
        unit_archives,
        *(cameras, cluster_updates, data_imports, database_backups),
        *(alarm_conditions, alarm_routes, audit_trail, typed_commands, home_assistant_routes),
    )
    own = [part.ROUTES for part in parts]
    api = OneAppRouter("/api", route_handlers=[*own, relayed_routes(), plugin_registry.routes("/api", added)])
    return OneAppRouter("/", route_handlers=[api, exports.FILES, mcp_endpoint.ROUTES])
