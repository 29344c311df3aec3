"""Routes of the leader about what was measured."""

from datetime import datetime
from typing import NamedTuple

from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, SkipValidation

from pioreactor.storage.leader.repositories.media_rates import MediaRate
from pioreactor.storage.leader.repositories.time_series import Between, TimeSeries
from pioreactor.web.answer_cache import FOLLOWS_DATABASE
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import experiment_name, unit_name
from pioreactor.web.security.route_rights import needs


class Asked(NamedTuple):
    """What of a series is asked for."""

    lookback: float
    target_points: int
    between: Between


def _asked(
    lookback: FromQuery[float] = 4.0,
    target_points: FromQuery[int] = 720,
    start_time: FromQuery[datetime | None] = None,
    end_time: FromQuery[datetime | None] = None,
) -> Asked:
    return Asked(lookback, target_points, Between(start_time, end_time))


AskedFor = NamedDependency[SkipValidation[Asked]]


def _series(leader: LeaderServices, experiment: str, name: str, asked: Asked, unit: str | None) -> TimeSeries:
    return leader.database.time_series.known(
        name,
        experiment_name(experiment),
        unit=unit,
        lookback_hours=asked.lookback,
        between=asked.between,
        target_points=asked.target_points,
    )


@get("/experiments/{experiment:str}/time_series/{name:str}", sync_to_thread=True)
def series_of_experiment(
    leader: LeaderPorts,
    experiment: FromPath[str],
    name: FromPath[str],
    asked: AskedFor,
) -> TimeSeries:
    """Readings of the last `lookback` hours, thinned to about `target_points` with the extremes kept.

    `target_points` are per unit, from 1 to 30,000; all units of an experiment together have at most 30,000.
    `start_time` replaces `lookback`; with `end_time` a stretch of the past is read in all its detail.
    `name` is the table of a measurement that has a series, such as growth_rates or od_readings. Numbers are rounded to
    the digits that the measurement declares.
    """
    return _series(leader, experiment, name, asked, None)


@get("/workers/{unit:str}/experiments/{experiment:str}/time_series/{name:str}", sync_to_thread=True)
def series_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    name: FromPath[str],
    asked: AskedFor,
) -> TimeSeries:
    return _series(leader, experiment, name, asked, unit_name(unit, broadcast=False))


@get("/experiments/{experiment:str}/time_series/{table:str}/{column:str}", sync_to_thread=True)
def column_of_experiment(
    leader: LeaderPorts,
    experiment: FromPath[str],
    table: FromPath[str],
    column: FromPath[str],
    asked: AskedFor,
) -> TimeSeries:
    """One column of any table of readings, one series per unit."""
    return _column(leader, experiment, table, column, asked, None)


@get("/workers/{unit:str}/experiments/{experiment:str}/time_series/{table:str}/{column:str}", sync_to_thread=True)
def column_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    table: FromPath[str],
    column: FromPath[str],
    asked: AskedFor,
) -> TimeSeries:
    name = unit_name(unit, broadcast=False)
    return _column(leader, experiment, table, column, asked, name)


def _column(
    leader: LeaderServices,
    experiment: str,
    table: str,
    column: str,
    asked: Asked,
    unit: str | None,
) -> TimeSeries:
    return leader.database.time_series.of_column(
        table,
        column,
        experiment_name(experiment),
        unit=unit,
        lookback_hours=asked.lookback,
        between=asked.between,
        target_points=asked.target_points,
    )


@get("/experiments/{experiment:str}/media_rates", sync_to_thread=True)
def media_rates(leader: LeaderPorts, experiment: FromPath[str]) -> dict[str, MediaRate]:
    """How fast media was added in the last three hours, or since the first dose [mL/h], per unit and for `all`."""
    return leader.database.media_rates(experiment_name(experiment))


ROUTES = Router(
    "/",
    route_handlers=[series_of_experiment, series_of_worker, column_of_experiment, column_of_worker, media_rates],
    dependencies={"asked": Provide(_asked, sync_to_thread=False)},
    tags=["readings"],
    opt=needs("experiments") | FOLLOWS_DATABASE,
)
