"""`pio run calibration_action`: hardware work of a calibration that is driven over HTTP."""

from __future__ import annotations

import click
import msgspec

from pioreactor.exc import InvalidRequestError, PioreactorError


@click.command(name="calibration_action", hidden=True)
@click.argument("action")
@click.argument("payload")
def calibration_action(action: str, payload: str) -> None:
    """Do the work of one step and print its answer as a line of JSON. The web server runs it; people need not."""
    import pioreactor.procedures.protocols  # noqa: F401  importing registers the actions
    from pioreactor.calibrations.sessions.actions import perform_here

    try:
        try:
            decoded = msgspec.json.decode(payload, type=dict)
        except msgspec.DecodeError as error:
            raise InvalidRequestError(f"the payload is no JSON object: {error}") from error
        answer = perform_here(action, decoded)
    except PioreactorError as error:
        said: dict[str, object] = {"error": str(error), "status": error.status, "remedy": error.remedy}
    else:
        said = {"answer": answer}
    click.echo(msgspec.json.encode(said).decode())
