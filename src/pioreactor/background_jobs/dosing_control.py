"""An automation by its name, as older scripts start it."""

from __future__ import annotations

from pioreactor.background_jobs.dosing_automation import start_dosing_automation

DosingController = start_dosing_automation
