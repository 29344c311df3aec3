"""Builds the Debian package: environment, services, polkit rule.

    python scripts/build_deb.py --output dist

The package brings a complete environment below /opt/pioreactor/versions, so that it installs without a network; it is
for the architecture and the Python of the machine that builds it. Further versions come by `pio update app`.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from build_wheel import build_wheel, missing_parts
from environment_wheels import pack_environment

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "packaging" / "deb"
INSTALL = ROOT / "src" / "pioreactor" / "install"
PREFIX = Path("opt/pioreactor")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}
CONTROL = """\
Package: pioreactor
Version: {version}
Architecture: {architecture}
Maintainer: Pioreactor maintainers <maintainers@localhost>
Section: science
Priority: optional
Depends: {python}, python3-venv, openssl, openssh-client
Recommends: mosquitto, chrony, polkitd | policykit-1, udisks2
Installed-Size: {size_kb}
Description: software for small bioreactors
 Leader or worker of a cluster of reactors, or simulated ones. After the installation:
 `sudo -u pioreactor pio cluster init` or `pio cluster join`.
"""


def build(output: Path, *, wheel: Path | None, wheels: list[Path] | None, python: str) -> Path:
    """Build the package; return its file."""
    with TemporaryDirectory() as name:
        folder, tree = Path(name), Path(name) / "tree"
        own = wheel if wheel is not None else build_wheel(folder)
        version = own.name.split("-")[1]
        (needed := folder / "wheels").mkdir()
        for path in wheels if wheels is not None else pack_environment("pioreactor", ("leader",), needed):
            if path.parent != needed:
                shutil.copy(path, needed)
        environment = tree / PREFIX / "versions" / version
        make_environment(environment, own, needed, python)
        mark = {"version": version, "digest": "", "installed_at": datetime.now(UTC).isoformat(timespec="seconds")}
        (environment / "installed.json").write_text(json.dumps(mark), encoding="utf-8")
        place(tree, INSTALL / "systemd", "lib/systemd/system")
        place(tree, INSTALL / "polkit", "usr/share/polkit-1/rules.d")
        (tree / "usr/bin").mkdir(parents=True)
        for program in ("pio", "pios"):
            (tree / "usr/bin" / program).symlink_to(f"/{PREFIX}/current/bin/{program}")
        control = tree / "DEBIAN"
        control.mkdir()
        size_kb = sum(path.lstat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
        fields = {
            "version": debian_version(version),
            "architecture": ARCHITECTURES[platform.machine()],
            "python": f"python{sys.version_info.major}.{sys.version_info.minor}"
            if python == "/usr/bin/python3"
            else "libc6",
            "size_kb": size_kb,
        }
        (control / "control").write_text(CONTROL.format(**fields), encoding="utf-8")
        for script in ("preinst", "postinst", "prerm", "postrm"):
            text = (SCRIPTS / script).read_text(encoding="utf-8").replace("@VERSION@", version)
            (control / script).write_text(text, encoding="utf-8")
            (control / script).chmod(0o755)
        output.mkdir(parents=True, exist_ok=True)
        target = output / f"pioreactor_{fields['version']}_{fields['architecture']}.deb"
        command = ("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(target))
        subprocess.run(command, check=True, stdout=sys.stderr)
        return target


def make_environment(environment: Path, own: Path, wheels: Path, python: str) -> None:
    """Make an environment that works at its place on the other machine."""
    environment.parent.mkdir(parents=True)
    subprocess.run((python, "-m", "venv", "--without-pip", str(environment)), check=True)
    packages = next((environment / "lib").glob("python*")) / "site-packages"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-compile", "--find-links", str(wheels))
    # `--prefix` would write programs that name this folder; `--target` writes none for the other place either.
    subprocess.run((*pip, "--target", str(packages), f"{own}[leader]"), check=True)
    shutil.rmtree(packages / "bin", ignore_errors=True)
    place_on_machine = Path("/", *environment.parts[environment.parts.index("opt") :])
    for program, module in (("pio", "pioreactor.cli.main"), ("pios", "pioreactor.cli.pios")):
        path = environment / "bin" / program
        path.write_text(
            f"#!{place_on_machine}/bin/python -P\nfrom {module} import main\n\nraise SystemExit(main())\n",
            encoding="utf-8",
        )
        path.chmod(0o755)
    for script in (environment / "bin").iterdir():
        if script.name.lower().startswith("activate"):
            script.unlink()  # they name this folder
    # A later version is made by this Python's own venv; this environment needs no pip.


def debian_version(version: str) -> str:
    """Return a version that Debian sorts as we do: `27.0.0.dev1` is before `27.0.0`."""
    for mark in ("a", "b", "rc", ".dev"):
        version = version.replace(mark, f"~{mark.removeprefix('.')}") if mark in version else version
    return version


def place(tree: Path, source: Path, target: str) -> None:
    shutil.copytree(source, tree / target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for the package")
    parser.add_argument("--wheel", type=Path, help="the wheel of this software; default: built")
    parser.add_argument(
        "--wheels", type=Path, help="folder with the wheels it needs; default: those of this environment"
    )
    parser.add_argument("--python", default="/usr/bin/python3", help="the Python of the machines it is for")
    asked = parser.parse_args()
    if asked.wheel is not None and (missing := missing_parts(asked.wheel)):
        parser.error(f"{asked.wheel.name} is not complete, it lacks: {', '.join(missing)}")
    wheels = sorted(asked.wheels.glob("*.whl")) if asked.wheels is not None else None
    made = build(asked.output, wheel=asked.wheel, wheels=wheels, python=asked.python)
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
