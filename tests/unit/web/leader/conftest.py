"""Stand-ins for units on the leader's in-memory network."""

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response


def accepts(request: Request) -> Response:
    """Respond like a unit that starts a task and has finished it at once."""
    if request.path.startswith("/unit_api/task_results/"):
        return json_response({"status": "succeeded", "result": "ok"})
    return json_response(
        {"unit": "u", "task_id": "1", "result_url_path": "/unit_api/task_results/1", "status": "accepted"}, 202
    )
