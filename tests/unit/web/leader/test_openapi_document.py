"""The committed OpenAPI document."""

import json
from pathlib import Path

import pytest

from pioreactor.web.api import openapi_document

COMMITTED = Path(__file__).parents[4] / "docs" / "reference" / "openapi.json"


@pytest.fixture(scope="module")
def rendered() -> str:
    return openapi_document()


def test_the_committed_document_is_current(rendered: str) -> None:
    assert COMMITTED.read_text() == rendered, "stale: run `make generated`"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/models"),
        ("patch", "/api/workers/{unit}/jobs/run/job_name/{job}/experiments/{experiment}"),
        ("post", "/api/units/{unit}/jobs/run/job_name/{job}/experiments/{experiment}"),
        ("patch", "/api/workers/{unit}/jobs/update/job_name/{job}/experiments/{experiment}"),
        ("post", "/api/workers/{unit}/jobs/stop/experiments/{experiment}"),
        ("get", "/api/experiments/{experiment}/time_series/{name}"),
        ("put", "/api/experiments/{experiment}/workers"),
        ("get", "/api/experiments/{experiment}/recent_logs"),
        ("get", "/unit_api/task_results/{task_id}"),
        ("patch", "/unit_api/jobs/run/job_name/{job}"),
        ("get", "/unit_api/health"),
    ],
)
def test_routes_that_scripts_use_exist(rendered: str, method: str, path: str) -> None:
    assert method in json.loads(rendered)["paths"][path]


def test_responses_that_the_ui_reads_are_typed(rendered: str) -> None:
    schemas = json.loads(rendered)["components"]["schemas"]
    assert {"Experiment", "WorkerRow", "LogRow", "TimeSeries", "DescribedJob", "Chart", "Accepted"} <= set(schemas)


def test_no_two_structs_share_a_name() -> None:
    """Clients find a struct by its name; of two equal ones both would be renamed after their modules."""
    schemas = json.loads(openapi_document())["components"]["schemas"]
    assert [name for name in schemas if name[0].islower()] == []
