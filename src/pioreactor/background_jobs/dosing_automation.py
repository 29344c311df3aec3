"""Starting dosing automations from scripts."""

from __future__ import annotations

from pioreactor.automations import registry
from pioreactor.automations.dosing.base import DosingAutomationJob as DosingAutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationJobContrib


def start_dosing_automation(
    automation_name: str, unit: str | None = None, experiment: str | None = None, **options: object
) -> DosingAutomationJob:
    """Start an automation by its name on this unit; options are those of the automation."""
    return registry.start(DosingAutomationJob, automation_name, unit, experiment, options)
