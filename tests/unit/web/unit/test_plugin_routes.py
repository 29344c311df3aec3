"""Routes of a unit about its plugins."""

from typing import Any


def test_plugins(worker: Any, unit: Any) -> None:
    unit.paths.plugins.mkdir()
    (unit.paths.plugins / "hello.py").write_text("__plugin_version__ = '1.2'\n")
    [row] = [row for row in worker.get("/unit_api/plugins/installed").json() if row["name"] == "hello"]
    assert row["version"] == "1.2"
    assert "1.2" in worker.get("/unit_api/plugins/installed/hello.py").text
    assert worker.get("/unit_api/plugins/installed/..%2fconfig.ini").status_code in (400, 404)
