"""`pio run calibration_action`: one step of a calibration that is driven over HTTP."""

from __future__ import annotations

import click
import msgspec

from pioreactor.exc import InvalidRequestError, PioreactorError


@click.command(name="calibration_action", hidden=True)
@click.argument("action")
@click.argument("payload")
def calibration_action(action: str, payload: str) -> None:
    """Perform one step and print its result as a line of JSON. For the web server, not for people."""
    import pioreactor.procedures.live_view
    import pioreactor.procedures.manual_still
    import pioreactor.procedures.protocols  # noqa: F401  importing registers the actions
    from pioreactor.calibrations.sessions.actions import perform_here

    try:
        try:
            decoded = msgspec.json.decode(payload, type=dict)
        except msgspec.DecodeError as error:
            raise InvalidRequestError(f"the payload is not a JSON object: {error}") from error
        result = perform_here(action, decoded)
    except PioreactorError as error:
        output: dict[str, object] = {"error": str(error), "status": error.status, "remedy": error.remedy}
    else:
        output = {"answer": result}
    click.echo(msgspec.json.encode(output).decode())
