"""Starting dosing automations from scripts."""

from __future__ import annotations

from typing import Any, cast

from pioreactor.automations import registry
from pioreactor.automations.dosing.base import DosingAutomationJob as DosingAutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationJobContrib


def start_dosing_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: Any
) -> DosingAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    where = {name: value for name, value in (("unit", unit), ("experiment", experiment)) if value is not None}
    automation = registry.find("dosing", automation_name)
    return cast(DosingAutomationJob, automation(**where, **options))
