"""Builds a release archive: this software and all it needs as wheels, with a signed manifest.

    python scripts/build_release.py --key ~/.ssh/release --output dist/release_27.0.0.zip

Without `--wheels` the wheels of the environment that runs this are packed again, so that no network is needed. For
another kind of machine, collect its wheels first (`pip download --platform …`) and name their folder.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from build_wheel import build_wheel, missing_parts
from environment_wheels import pack_environment

from pioreactor.updates.bundle import make_bundle, own_wheel

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", type=Path, required=True, help="private SSH key that signs")
    parser.add_argument("--output", type=Path, required=True, help="the archive, release_VERSION.zip")
    parser.add_argument("--wheel", type=Path, help="the wheel of this software; default: built from this checkout")
    parser.add_argument("--wheels", type=Path, help="folder with the wheels that it needs")
    parser.add_argument("--firmware", type=Path, help="firmware of the reactor's board (ELF)")
    parser.add_argument("--notes", type=Path, help="a text file that says what is new")
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
            else pack_environment("pioreactor", ("leader",), Path(folder))
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
    size = asked.output.stat().st_size / 1e6
    print(f"{asked.output}: version {manifest.version}, {len(manifest.files)} files, {size:.1f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
