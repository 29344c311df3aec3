"""The base of dosing automations at an older address."""

from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationContrib
from pioreactor.automations.dosing.base import DosingAutomationJobContrib as DosingAutomationJobContrib

__all__ = ["DosingAutomationContrib", "DosingAutomationJobContrib"]
