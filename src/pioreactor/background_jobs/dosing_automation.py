"""Start of dosing automations from scripts."""

from pioreactor.automations.dosing.base import DosingAutomationJob as DosingAutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationJobContrib
from pioreactor.automations.registry import Starter

start_dosing_automation = Starter(DosingAutomationJob)
