"""Builds a release archive: this software and all it needs as wheels, with a signed manifest.

    python scripts/build_release.py --key ~/.ssh/release --output dist/release_27.0.0.zip

Without `--wheels` the wheels of the environment that runs this are packed again, so that no network is needed. For
another kind of machine, collect its wheels first (`pip download --platform …`) and name their folder.

With `--list releases.json` the archive is added to the list of releases that units fetch from ([updates] feed_url).
"""

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from build_wheel import build_wheel, missing_parts
from environment_wheels import INSTALLED_EXTRAS, pack_environment

from pioreactor.http.files_in_parts import digest_of
from pioreactor.updates.bundle import Manifest, make_bundle, own_wheel
from pioreactor.updates.release_feed import Feed, PublishedRelease

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", type=Path, required=True, help="private SSH key that signs")
    parser.add_argument("--output", type=Path, required=True, help="the archive, release_VERSION.zip")
    parser.add_argument("--wheel", type=Path, help="the wheel of this software; default: built from this checkout")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels that it needs")
    parser.add_argument("--firmware", type=Path, help="firmware of the reactor's board (ELF)")
    parser.add_argument("--notes", type=Path, help="a text file that says what is new")
    parser.add_argument("--list", type=Path, help="the list of releases that the archive is added to")
    parser.add_argument("--url", help="address of the archive, as it is listed; default: beside the list")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        own = asked.wheel if asked.wheel is not None else build_wheel(Path(folder))
        version = own.name.split("-")[1]
        if own_wheel([own.name], version) is None:
            parser.error(f"{own.name} is not a wheel of this software")
        if missing := missing_parts(own):
            parser.error(f"{own.name} is not complete, it lacks: {', '.join(missing)}")
        others = (
            [path for path in sorted(asked.wheels.glob("*.whl")) if not path.name.startswith("pioreactor-")]
            if asked.wheels is not None
            else pack_environment("pioreactor", INSTALLED_EXTRAS, Path(folder))
        )
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        manifest = make_bundle(
            asked.output,
            [own, *others],
            asked.key,
            version=version,
            released_at=datetime.now(UTC).isoformat(timespec="seconds"),
            notes=asked.notes.read_text(encoding="utf-8") if asked.notes is not None else "",
            firmware=asked.firmware,
        )
    if asked.list is not None:
        add_to_list(asked.list, asked.output, manifest, asked.url if asked.url is not None else asked.output.name)
    size = asked.output.stat().st_size / 1e6
    print(f"{asked.output}: version {manifest.version}, {len(manifest.files)} files, {size:.1f} MB")
    return 0


def add_to_list(path: Path, archive: Path, manifest: Manifest, url: str) -> None:
    """Add an archive to a list of releases, in place of one of the same version for the same kind of machine."""
    listed = msgspec.json.decode(path.read_bytes(), type=Feed).releases if path.exists() else []
    release = PublishedRelease(
        manifest.version,
        url,
        digest_of(archive),
        archive.stat().st_size,
        platform.machine(),
        manifest.channel,
        manifest.released_at,
        manifest.notes,
    )
    others = [one for one in listed if (one.version, one.machine) != (release.version, release.machine)]
    path.write_bytes(msgspec.json.format(msgspec.json.encode(Feed([*others, release])), indent=2))


if __name__ == "__main__":
    raise SystemExit(main())
