"""Routes of the leader about what was measured."""

from litestar import Router, get
from litestar.params import FromPath, FromQuery

from pioreactor.storage.leader.repositories.media_rates import MediaRate
from pioreactor.storage.leader.repositories.time_series import TimeSeries
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import experiment_name, unit_name


def _series(
    leader: LeaderServices, experiment: str, name: str, lookback: float, target_points: int, unit: str | None
) -> TimeSeries:
    return leader.database.time_series.known(
        name, experiment_name(experiment), unit=unit, lookback_hours=lookback, target_points=target_points
    )


@get("/experiments/{experiment:str}/time_series/{name:str}", sync_to_thread=True)
def series_of_experiment(
    leader: LeaderPorts,
    experiment: FromPath[str],
    name: FromPath[str],
    lookback: FromQuery[float] = 4.0,
    target_points: FromQuery[int] = 720,
) -> TimeSeries:
    """Readings of the last `lookback` hours, thinned to about `target_points` with the extremes kept.

    `name` is the table of a measurement that has a series, such as growth_rates or od_readings. Numbers are rounded to
    the digits that the measurement declares.
    """
    return _series(leader, experiment, name, lookback, target_points, None)


@get("/workers/{unit:str}/experiments/{experiment:str}/time_series/{name:str}", sync_to_thread=True)
def series_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    name: FromPath[str],
    lookback: FromQuery[float] = 4.0,
    target_points: FromQuery[int] = 720,
) -> TimeSeries:
    return _series(leader, experiment, name, lookback, target_points, unit_name(unit, broadcast=False))


@get("/experiments/{experiment:str}/time_series/{table:str}/{column:str}", sync_to_thread=True)
def column_of_experiment(
    leader: LeaderPorts,
    experiment: FromPath[str],
    table: FromPath[str],
    column: FromPath[str],
    lookback: FromQuery[float] = 4.0,
    target_points: FromQuery[int] = 720,
) -> TimeSeries:
    """One column of any table of readings, one series per unit."""
    return _column(leader, experiment, table, column, lookback, target_points, None)


@get("/workers/{unit:str}/experiments/{experiment:str}/time_series/{table:str}/{column:str}", sync_to_thread=True)
def column_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    table: FromPath[str],
    column: FromPath[str],
    lookback: FromQuery[float] = 4.0,
    target_points: FromQuery[int] = 720,
) -> TimeSeries:
    name = unit_name(unit, broadcast=False)
    return _column(leader, experiment, table, column, lookback, target_points, name)


def _column(
    leader: LeaderServices,
    experiment: str,
    table: str,
    column: str,
    lookback: float,
    target_points: int,
    unit: str | None,
) -> TimeSeries:
    return leader.database.time_series.of_column(
        table, column, experiment_name(experiment), unit=unit, lookback_hours=lookback, target_points=target_points
    )


@get("/experiments/{experiment:str}/media_rates", sync_to_thread=True)
def media_rates(leader: LeaderPorts, experiment: FromPath[str]) -> dict[str, MediaRate]:
    """How fast media was added in the last three hours, or since the first dose [mL/h], per unit and for `all`."""
    return leader.database.media_rates(experiment_name(experiment))


ROUTES = Router(
    "/",
    route_handlers=[series_of_experiment, series_of_worker, column_of_experiment, column_of_worker, media_rates],
    tags=["readings"],
)
