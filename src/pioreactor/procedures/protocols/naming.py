"""The step that asks for a name, and the one that asks whether to replace what has that name already."""

from __future__ import annotations

import re

from pioreactor.calibrations import store
from pioreactor.calibrations.sessions import fields, steps
from pioreactor.calibrations.sessions.payloads import CalibrationStep
from pioreactor.calibrations.sessions.session_context import SessionContext, SessionStep
from pioreactor.exc import InvalidRequestError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?: [A-Za-z0-9._-]+)*")
"""What storage takes as a file name."""


def default_name(ctx: SessionContext) -> str:
    return f"{ctx.device}-{ctx.runtime.clock.now():%Y-%m-%d}"


def checked_name(name: str) -> str:
    """Return a name that can be a file's; raise `InvalidRequestError` otherwise."""
    if not _NAME.fullmatch(name) or len(name) > 200:
        raise InvalidRequestError(
            f"{name[:40]!r} cannot be a name: use letters, digits, '.', '_', '-', and single spaces between words"
        )
    return name


class NameInput(SessionStep):
    """Asks for the name. Subclasses say what follows, and which names are taken."""

    step_id = "name_input"
    overwrite: type[SessionStep]

    def taken(self, ctx: SessionContext) -> list[str]:
        return store.names(ctx.runtime, ctx.device)

    def following(self) -> SessionStep:
        raise LookupError("a subclass says what follows the name")

    def render(self, ctx: SessionContext) -> CalibrationStep:
        name = ctx.data.get("name", default_name(ctx))
        return steps.form("Name", "A name to find it by later.", [fields.str("name", "Name", default=name)])

    def advance(self, ctx: SessionContext) -> SessionStep:
        name = checked_name(ctx.inputs.str("name"))
        ctx.data["name"] = name
        return self.overwrite() if name in self.taken(ctx) else self.following()


class NameOverwriteConfirm(SessionStep):
    """Asks whether to replace. Subclasses say what comes before and after."""

    step_id = "name_overwrite_confirm"
    asking: type[NameInput]

    def render(self, ctx: SessionContext) -> CalibrationStep:
        body = f"There is one called {ctx.data['name']!r} already. It is replaced when this session is complete."
        return steps.form("Replace?", body, [fields.bool("overwrite", "Replace it", default=False)])

    def advance(self, ctx: SessionContext) -> SessionStep:
        return self.asking().following() if ctx.inputs.bool("overwrite") else self.asking()
