"""Archive of stills, written as it is sent: one still at a time is in memory."""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec
from litestar.response import Stream

from pioreactor.exc import NotFoundError
from pioreactor.structs.camera_still import CameraStill

MANIFEST = "camera_stills_manifest.json"


class _Outgoing(io.RawIOBase):
    """What was written and has not been sent yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]  # whatever buffer zipfile hands over
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def archive_name(unit: str, experiment: str) -> str:
    return f"{unit}_{experiment}_camera_stills.zip"


def zip_stills(
    unit: str, experiment: str, stills: Sequence[CameraStill], read: Callable[[CameraStill], bytes]
) -> Stream:
    """Return a stored archive: a manifest, then the stills. One that is deleted meanwhile is omitted."""
    name = archive_name(unit, experiment)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Stream(_chunks(unit, experiment, stills, read), media_type="application/zip", headers=headers)


def _chunks(
    unit: str, experiment: str, stills: Sequence[CameraStill], read: Callable[[CameraStill], bytes]
) -> Iterator[bytes]:
    outgoing = _Outgoing()
    with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED) as archive:
        manifest = {"unit": unit, "experiment": experiment, "stills": stills}
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        yield outgoing.take()
        for still in stills:
            try:
                picture = read(still)
            except NotFoundError:
                continue
            archive.writestr(zipfile.ZipInfo(f"{still.image_id}.jpg", _zip_time(still.time)), picture)
            yield outgoing.take()
    yield outgoing.take()


def _zip_time(moment: datetime) -> tuple[int, int, int, int, int, int]:
    return (max(1980, moment.year), moment.month, moment.day, moment.hour, moment.minute, moment.second)
