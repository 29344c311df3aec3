"""The leader's archive of the calibrations of all workers."""

import zipfile
from io import BytesIO
from typing import Any


def test_calibrations_of_all_workers_are_one_archive(leader: Any) -> None:
    from pioreactor.http.ports import Response

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("media_pump/first.yaml", "x")
    leader.add_host("unit1", lambda request: Response(200, buffer.getvalue(), {"content-type": "application/zip"}))
    leader.add_workers("unit1", "unit2")
    answer = leader.client.get("/api/workers/$broadcast/zipped_calibrations")
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert archive.namelist() == ["unit1/media_pump/first.yaml", "missing.txt"]
    assert b"unit2" in archive.read("missing.txt")
