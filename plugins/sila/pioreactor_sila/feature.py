"""The SiLA 2 feature of a reactor: what it measures, and commands that need a token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sila.server import (
    Element,
    Feature,
    Metadata,
    ObservableProperty,
    Real,
    String,
    UndefinedExecutionError,
    UnobservableCommand,
)

from pioreactor.exc import PioreactorError
from pioreactor_sila.latest import QUANTITIES, Latest
from pioreactor_sila.leader_api import LeaderApi

_PREFIX = "com.pioreactor/reactor/ReactorController/v1"
_COMMANDS = ("StartJob", "StopJob", "ChangeSetting")
Act = Callable[..., Awaitable[None]]


def reactor_feature(latest: Latest, leader: LeaderApi) -> Feature:
    """Return the feature, whose values are those of `latest` and whose commands go to the leader."""
    feature = Feature(
        originator="com.pioreactor",
        category="reactor",
        identifier="ReactorController",
        display_name="Reactor Controller",
        description="Measurements of a bioreactor, and commands to its jobs.",
    )
    for identifier, quantity in QUANTITIES.items():
        ObservableProperty(
            identifier=identifier,
            display_name=quantity.display_name,
            description=quantity.description,
            data_type=Real,
            function=_following(latest, identifier),
        ).add_to_feature(feature)
    _add(feature, "StartJob", "Start a job of the reactor.", ["Job"], leader.start_job)
    _add(feature, "StopJob", "Stop a job of the reactor.", ["Job"], leader.stop_job)
    _add(
        *(feature, "ChangeSetting", "Change a setting of a running job, within its bounds."),
        *(["Job", "Setting", "Value"], leader.change_setting),
    )
    Metadata.create(
        identifier="AccessToken",
        display_name="Access Token",
        description="Token made by `pio tokens create`; its rights decide which commands are carried out.",
        data_type=String,
        affects=[f"{_PREFIX}/Command/{name}" for name in _COMMANDS],
        feature=feature,
    )
    return feature


def _following(latest: Latest, identifier: str) -> Callable[..., AsyncIterator[dict[str, float]]]:
    async def values(**_: object) -> AsyncIterator[dict[str, float]]:
        async for value in latest.follow(identifier):
            yield {identifier: value}

    return values


def _add(feature: Feature, identifier: str, description: str, names: list[str], act: Act) -> None:
    async def execute(*, metadata: dict[Any, Any], **given: str) -> dict[str, object]:
        [token] = metadata.values()
        try:
            await act(str(token), *(given[name] for name in names))
        except (PioreactorError, TimeoutError) as error:
            remedy = getattr(error, "remedy", None)
            raise UndefinedExecutionError(f"{error}" + (f" ({remedy})" if remedy else "")) from error
        return {}

    UnobservableCommand(
        identifier=identifier,
        display_name="".join(f" {one}" if one.isupper() else one for one in identifier).strip(),
        description=description,
        parameters={
            name: Element(identifier=name, display_name=name, description=f"{name} as here.", data_type=String)
            for name in names
        },
        function=execute,
    ).add_to_feature(feature)
