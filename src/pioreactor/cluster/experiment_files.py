"""What units keep of an experiment, for its archive: configuration, calibrations, estimators, and stills of cameras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import msgspec

from pioreactor.cluster.backup_replication import Fetch
from pioreactor.exc import PioreactorError
from pioreactor.settings.editing import without
from pioreactor.settings.schema import secret_keys
from pioreactor.storage.artifacts import check_component
from pioreactor.structs.camera_still import CameraStill

_ADDED = ("is_active", "pioreactor_unit", "judgment")
"""What a unit says about an estimator besides its content."""


class _Stills(msgspec.Struct):
    stills: list[CameraStill]


def files_of_units(
    units: Iterable[str], experiment: str, fetch: Fetch, *, report: Callable[[str], object]
) -> Iterator[tuple[str, bytes]]:
    """Yield names in the archive and contents, one at a time. What a unit does not give is reported and omitted."""
    for unit in units:
        try:
            config = fetch(unit, "GET", "/unit_api/config/specific").decode("utf-8", "replace")
            yield (
                f"config/units/{unit}.ini",
                without(config, [(section, key) for section, _, key in secret_keys()]).encode(),
            )
            yield f"calibrations/{unit}.zip", fetch(unit, "GET", "/unit_api/zipped_calibrations")
            yield from _estimators_of_unit(unit, fetch)
            yield from stills_of_unit(unit, experiment, fetch)
        except (PioreactorError, msgspec.MsgspecError) as error:
            report(
                f"{unit}: not all of its configuration, calibrations, estimators and stills are in the archive: {error}"
            )


def _estimators_of_unit(unit: str, fetch: Fetch) -> Iterator[tuple[str, bytes]]:
    found = msgspec.json.decode(fetch(unit, "GET", "/unit_api/estimators"), type=dict[str, list[dict[str, object]]])
    for device, ones in found.items():
        for one in ones:
            name, content = str(one["estimator_name"]), {key: one[key] for key in one if key not in _ADDED}
            check_component("device", device)
            check_component("estimator", name)
            yield f"estimators/{unit}/{device}/{name}.yaml", msgspec.yaml.encode(content)


def stills_of_unit(unit: str, experiment: str, fetch: Fetch) -> Iterator[tuple[str, bytes]]:
    """Yield the stills of a unit, oldest first, by their names in the archive; then their list."""
    path = f"/unit_api/camera/experiments/{quote(experiment, safe='')}/stills"
    found = msgspec.json.decode(fetch(unit, "GET", path), type=_Stills).stills
    for still in found:
        check_component("still", still.image_id)
        yield f"stills/{unit}/{still.image_id}.jpg", fetch(unit, "GET", f"{path}/{quote(still.image_id)}.jpg")
    if found:
        yield f"stills/{unit}/camera_stills_manifest.json", msgspec.json.format(msgspec.json.encode(found), indent=2)


def pictures_of_unit(unit: str, experiment: str, fetch: Fetch) -> Iterator[bytes]:
    """Yield the stills of a unit as JPEG, oldest first."""
    return (content for name, content in stills_of_unit(unit, experiment, fetch) if name.endswith(".jpg"))
