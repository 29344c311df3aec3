"""Routes of the leader about itself and about what the UI draws; most are its unit's own."""

from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Router, get, patch
from litestar.di import Provide
from litestar.params import FromPath, FromQuery, JSONBody

from pioreactor import measurements
from pioreactor.measurements import ChartSpec, MeasurementSpec, SeriesSpec
from pioreactor.measurements.spec import Transformation
from pioreactor.models import load_models
from pioreactor.plugin_management.descriptor_files import ChartFile
from pioreactor.plugin_management.package_files import descriptors
from pioreactor.storage.leader.repositories.assignments import Assignment
from pioreactor.storage.leader.repositories.chart_preferences import ChosenCharts
from pioreactor.storage.leader.repositories.experiments import Experiment
from pioreactor.web.answer_cache import FOLLOWS_DATABASE
from pioreactor.web.descriptors import (
    DescribedAutomation,
    DescribedJob,
    DescribedSettings,
    describe_automation,
    describe_job,
)
from pioreactor.web.leader.responses import WorkerRow
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.leader.workers import worker_rows
from pioreactor.web.request_bodies import ChooseCharts, automation_kind, experiment_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs, readers_of
from pioreactor.web.unit.capabilities import described_settings
from pioreactor.web.unit.configuration import read_text
from pioreactor.web.unit.services import UnitPorts, UnitServices
from pioreactor.web.unit.system import health


class Chart(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One chart. `mqtt_topic` is what follows unit and experiment; `payload_key` is null for bare numbers."""

    chart_key: str
    title: str
    data_source: str
    y_axis_label: str
    source: str = "app"
    data_source_column: str | None = None
    mqtt_topic: str | list[str] | None = None
    payload_key: str | None = None
    channel_key: str | None = None
    """Field of the payload that holds the channel; null for one series per unit."""
    fixed_decimals: Annotated[int, msgspec.Meta(ge=0, le=10)] = 2
    down_sample: bool = True
    lookback: float | None = None
    """Hours; null for the laboratory's setting."""
    y_transformation: Transformation = "none"
    y_axis_domain: tuple[float, float] | None = None
    interpolation: str = "stepAfter"
    shown_by_default: bool = False
    """Shown when `[ui.overview.charts]` of the configuration does not mention it."""
    log_scale: bool = False
    """A logarithmic axis and marks of doses are offered."""


def charts() -> list[Chart]:
    """Return the charts of all quantities that have one, in the order of their positions."""
    declared = [
        (chart.position, _described(spec, spec.series, chart))
        for spec in measurements.all_specs()
        if spec.series is not None
        for chart in spec.charts
    ]
    return [chart for _, chart in sorted(declared, key=lambda pair: pair[0])]


def _described(spec: MeasurementSpec, series: SeriesSpec, chart: ChartSpec) -> Chart:
    return Chart(
        chart_key=chart.key,
        title=chart.title,
        data_source=spec.table.name,
        data_source_column=series.column,
        y_axis_label=chart.y_axis_label,
        source="plugin" if spec in measurements.registered_specs() else "app",
        mqtt_topic=spec.topics[0] if len(spec.topics) == 1 else list(spec.topics),
        payload_key=spec.payload_field(series.column),
        channel_key=None if series.channel is None else spec.payload_field(series.channel),
        fixed_decimals=chart.decimals,
        down_sample=chart.down_sample,
        lookback=chart.lookback,
        y_transformation=chart.transformation,
        y_axis_domain=chart.domain,
        interpolation=chart.interpolation,
        shown_by_default=chart.shown_by_default,
        log_scale=chart.log_scale,
    )


def charts_of_plugins(plugins: Path) -> list[Chart]:
    """Return the charts that descriptors of plugins declare."""
    return [
        Chart(
            chart_key=file.chart_key,
            title=file.title,
            data_source=file.data_source,
            data_source_column=file.data_source_column,
            y_axis_label=file.y_axis_label,
            source=file.source,
            mqtt_topic=file.mqtt_topic,
            payload_key=file.payload_key,
            fixed_decimals=min(max(file.fixed_decimals, 0), 10),
            down_sample=file.down_sample,
            lookback=file.lookback if isinstance(file.lookback, float) else None,
            y_axis_domain=file.y_axis_domain,
            interpolation=file.interpolation,
        )
        for file in descriptors(plugins, "ui/charts", ChartFile)
    ]


class OverviewExperiment(msgspec.Struct):
    """An experiment, without what the time alone changes."""

    experiment: str
    created_at: str
    description: str | None
    worker_count: int
    tags: list[str]


class Overview(msgspec.Struct):
    """What the overview draws first. `experiment` is the one that it shows, null where there is none."""

    experiments: list[OverviewExperiment]
    workers: list[WorkerRow]
    jobs: list[DescribedJob]
    charts: list[Chart]
    config: str
    """The text of the shared configuration."""
    experiment: str | None
    assigned: list[Assignment]
    labels: dict[str, str]
    chart_preferences: ChosenCharts


@get(
    "/overview",
    opt=needs(None) | FOLLOWS_DATABASE,
    guards=[readers_of("experiments", "cluster")],
    sync_to_thread=True,
)
def overview(leader: LeaderPorts, experiment: FromQuery[str] = "") -> Overview:
    """Return all that the overview draws first, of an experiment, or else of the newest that has units.

    It is what routes return one by one; an answer that has not changed is 304 to a browser that has it.
    """
    database, experiments = leader.database, leader.database.experiments.all()
    shown = _shown(experiments, experiment)
    return Overview(
        experiments=[msgspec.convert(one, OverviewExperiment, from_attributes=True) for one in experiments],
        workers=worker_rows(leader),
        jobs=[describe_job(job) for job in leader.unit.catalog.jobs()],
        charts=list(_catalog(leader.unit).values()),
        config=read_text(leader.unit.paths.global_config),
        experiment=shown,
        assigned=[] if shown is None else database.assignments.of_experiment(shown),
        labels={} if shown is None else database.labels.of_experiment(shown),
        chart_preferences=ChosenCharts() if shown is None else database.chart_preferences.of_experiment(shown),
    )


def _shown(experiments: list[Experiment], wanted: str) -> str | None:
    """Return the experiment that was asked for, or else the newest that has units, or else the newest."""
    asked = [one for one in experiments if one.experiment == wanted]
    with_units = [one for one in experiments if one.worker_count > 0]
    return next((one.experiment for one in (*asked, *with_units, *experiments)), None)


@get("/jobs/descriptors", sync_to_thread=True)
def jobs_of_cluster(unit: UnitPorts) -> list[DescribedJob]:
    """Return jobs with what they publish; the model of a unit may narrow the bounds."""
    return [describe_job(job) for job in unit.catalog.jobs()]


@get("/settings/descriptors", sync_to_thread=True)
def settings_of_cluster(unit: UnitPorts) -> list[DescribedSettings]:
    """Return the values that belong to no single job, for the largest vial of all models."""
    return described_settings(max(model.reactor_capacity_ml for model in load_models(unit.paths.models)))


@get("/automations/descriptors/{kind:str}", sync_to_thread=True)
def automations_of_cluster(unit: UnitPorts, kind: FromPath[str]) -> list[DescribedAutomation]:
    """Return automations with the settings to start them; the model of a unit may narrow the bounds."""
    return [describe_automation(automation) for automation in unit.catalog.automations(automation_kind(kind))]


@get("/charts/descriptors", sync_to_thread=True)
def charts_descriptors(unit: UnitPorts) -> list[Chart]:
    """Return the charts of the overview, in the order in which they are drawn; one of a plugin replaces ours."""
    return list(_catalog(unit).values())


def _catalog(unit: UnitServices) -> dict[str, Chart]:
    """Return the charts of the app and of its plugins by key."""
    found = {chart.chart_key: chart for chart in charts()}
    found.update({chart.chart_key: chart for chart in charts_of_plugins(unit.paths.plugins)})
    return found


@get("/experiments/{experiment:str}/chart_preferences", sync_to_thread=True)
def chart_preferences(leader: LeaderPorts, experiment: FromPath[str]) -> ChosenCharts:
    """Return the charts that were chosen for an experiment; null where `[ui.overview.charts]` decides."""
    return leader.database.chart_preferences.of_experiment(experiment_name(experiment))


@patch(
    "/experiments/{experiment:str}/chart_preferences", opt=needs("experiments", tool="reversible"), sync_to_thread=True
)
def choose_charts(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[ChooseCharts]) -> ChosenCharts:
    """Choose the charts of the overview, or of the units' pages, for an experiment."""
    name = experiment_name(experiment)
    before = leader.database.chart_preferences.of_experiment(name)
    after = leader.database.chart_preferences.change(
        name,
        known=_catalog(leader.unit),
        overview_chart_keys=data.overview_chart_keys,
        pioreactor_chart_keys=data.pioreactor_chart_keys,
    )
    note_values(before=before, after=after)
    return after


def _own_unit(leader: LeaderPorts) -> UnitServices:
    return leader.unit


ROUTES = Router(
    "/",
    route_handlers=[
        *(overview, jobs_of_cluster, automations_of_cluster, settings_of_cluster, health, charts_descriptors),
        *(chart_preferences, choose_charts),
    ],
    dependencies={"unit": Provide(_own_unit, sync_to_thread=False)},
    tags=["overview"],
    opt=needs("experiments"),
)
