"""Buttons and fields that start, stop and set a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from pioreactor_client.api import Scalar
from pioreactor_client.errors import ClientError, NotFoundError
from pioreactor_client.job import Job


class JobControls(anywidget.AnyWidget):
    """Start and stop a job, and set some of its settings; `start_options` are those of a start.

    A refusal is shown with its reason. Nothing is asked on its own: the button "Refresh" reads what is so now.
    """

    _esm = Path(__file__).with_name("job_controls.js")
    title = traitlets.Unicode().tag(sync=True)
    is_running = traitlets.Bool().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    """What each setting shown is now; null while the job does not run."""
    message = traitlets.Unicode().tag(sync=True)
    """Why the last request failed; empty when it did not."""

    def __init__(self, job: Job, *settings: str, start_options: Mapping[str, Scalar] | None = None) -> None:
        super().__init__(title=repr(job).strip("<>"))
        self._job = job
        self._settings = settings
        self._options = dict(start_options) if start_options is not None else {}
        self.on_msg(self._on_request)
        self.refresh()

    def refresh(self) -> None:
        """Read whether the job runs, and its settings."""
        try:
            published: Mapping[str, object] | None = self._job.settings()
        except NotFoundError:
            published = None
        self.is_running = published is not None
        self.values = {name: published.get(name) if published is not None else None for name in self._settings}

    def _on_request(self, _: object, content: Any, __: object) -> None:
        """Do what a button asked for. What comes from the page is checked: a notebook can be edited by hand."""
        request = content if isinstance(content, dict) else {}
        name, value = request.get("setting"), request.get("value")
        try:
            match request.get("do"):
                case "start":
                    self._job.start(**self._options)
                case "stop":
                    self._job.stop()
                case "set" if name in self._settings and isinstance(value, str | int | float | bool):
                    self._job.set(**{str(name): value})
                case "refresh":
                    pass
                case _:
                    raise ClientError("this request is not understood", remedy="Run the cell again.")
            self.message = ""
        except ClientError as error:
            self.message = str(error)
        try:
            self.refresh()
        except ClientError as error:
            self.message = str(error)
        self.send({"done": True})
