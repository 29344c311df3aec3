"""Widgets for notebooks: a chart that follows a quantity, and controls of a job. Needs `pioreactor-client[widgets]`."""

from pioreactor_client.widgets.job_controls import JobControls
from pioreactor_client.widgets.live_chart import LiveChart

__all__ = ["JobControls", "LiveChart"]
