"""An automation by its name, as older scripts start it."""

from __future__ import annotations

from typing import Any

from pioreactor.background_jobs.dosing_automation import DosingAutomationJob, start_dosing_automation


def DosingController(automation_name: str, **options: Any) -> DosingAutomationJob:  # noqa: N802  the name scripts use
    """Start a dosing automation."""
    return start_dosing_automation(automation_name, **options)
