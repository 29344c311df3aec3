"""Builds the Debian package: environment, services, polkit rule.

    python scripts/build_deb.py --debian 13 --output dist

The package brings a complete environment below /opt/pioreactor/versions, so that it installs without a network. It
is for the architecture of the machine that builds it, and for the Python of the Debian that `--debian` names,
which need not be on this machine: wheels for it are fetched then. Further versions come by `pio update app`.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from build_wheel import build_wheel, missing_parts
from environment_wheels import INSTALLED_EXTRAS, pack_environment
from packaging.markers import default_environment
from packaging.requirements import Requirement

from pioreactor.updates.version_order import newest_revision_among

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "packaging" / "deb"
EXTRAS = ",".join(INSTALLED_EXTRAS)
INSTALL = ROOT / "src" / "pioreactor" / "install"
PREFIX = Path("opt/pioreactor")
PYTHONS = {"12": "3.11", "13": "3.13"}
"""The Python of each Debian, and of the Raspberry Pi OS that is made of it."""
OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}
CONTROL = """\
Package: pioreactor
Version: {version}
Architecture: {architecture}
Maintainer: Pioreactor maintainers <maintainers@localhost>
Section: science
Priority: optional
Depends: python{python}, python{python}-venv, openssl, openssh-client
Recommends: mosquitto, chrony, polkitd | policykit-1, udisks2
Installed-Size: {size_kb}
Description: software for small bioreactors
 Leader or worker of a cluster of reactors, or simulated ones. After the installation:
 `sudo -u pioreactor pio cluster init` or `pio cluster join`.
"""


def build(output: Path, *, wheel: Path | None, wheels: list[Path] | None, debian: str) -> Path:
    """Build the package; return its file. Raise `ValueError` when the wheels lack what the software needs there."""
    python = PYTHONS[debian]
    with TemporaryDirectory() as name:
        folder, tree = Path(name), Path(name) / "tree"
        own = wheel if wheel is not None else build_wheel(folder)
        version = own.name.split("-")[1]
        (needed := folder / "wheels").mkdir()
        for path in wheels if wheels is not None else needed_wheels(own, needed, python):
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
            # A later Debian has a later package, which its upgrade installs.
            "version": f"{debian_version(version)}+deb{debian}",
            "architecture": ARCHITECTURES[platform.machine()],
            "python": python,
            "size_kb": size_kb,
        }
        values = {
            "VERSION": version,
            "SORTED_VERSION": debian_version(version),
            "REVISION": newest_revision_among(str(path) for path in environment.rglob("*.py")) or "",
        }
        (control / "control").write_text(CONTROL.format(**fields), encoding="utf-8")
        for script in ("preinst", "postinst", "prerm", "postrm"):
            text = (SCRIPTS / script).read_text(encoding="utf-8")
            for name, value in values.items():
                text = text.replace(f"@{name}@", value)
            (control / script).write_text(text, encoding="utf-8")
            (control / script).chmod(0o755)
        output.mkdir(parents=True, exist_ok=True)
        target = output / f"pioreactor_{fields['version']}_{fields['architecture']}.deb"
        command = ("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(target))
        subprocess.run(command, check=True, stdout=sys.stderr)
        return target


def needed_wheels(own: Path, folder: Path, python: str) -> list[Path]:
    """Return the wheels that the software needs: those of this environment, or fetched ones for another Python."""
    if python == OWN_PYTHON:
        return pack_environment("pioreactor", INSTALLED_EXTRAS, folder)
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder))
    pins = ("--constraint", str(ROOT / "constraints.txt"))
    subprocess.run((*pip, *pins, *for_python(python), f"{own}[{EXTRAS}]"), check=True)
    return sorted(folder.glob("*.whl"))


def for_python(python: str) -> tuple[str, ...]:
    """Return the options with which pip takes wheels for this Python."""
    return () if python == OWN_PYTHON else ("--python-version", python, "--only-binary", ":all:")


def make_environment(environment: Path, own: Path, wheels: Path, python: str) -> None:
    """Make an environment that works at its place on the other machine, whose Python need not be on this one."""
    packages = lay_out(environment, python)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-compile", "--find-links", str(wheels))
    # `--prefix` would write programs that name this folder; `--target` writes none for the other place either.
    subprocess.run((*pip, *for_python(python), "--target", str(packages), f"{own}[{EXTRAS}]"), check=True)
    if lacking := unmet(packages, python):
        raise ValueError(f"for Python {python} the wheels lack {', '.join(lacking)}")
    shutil.rmtree(packages / "bin", ignore_errors=True)
    place_on_machine = Path("/", *environment.parts[environment.parts.index("opt") :])
    for program, module in (("pio", "pioreactor.cli.main"), ("pios", "pioreactor.cli.pios")):
        path = environment / "bin" / program
        path.write_text(
            f"#!{place_on_machine}/bin/python -P\nfrom {module} import main\n\nraise SystemExit(main())\n",
            encoding="utf-8",
        )
        path.chmod(0o755)
    # A later version is made by this Python's own venv; this environment needs no pip.


def lay_out(environment: Path, python: str) -> Path:
    """Make the files of an empty environment of Debian's Python, as `python -m venv` does; return where packages go."""
    packages = environment / "lib" / f"python{python}" / "site-packages"
    packages.mkdir(parents=True)
    (environment / "bin").mkdir()
    (environment / "lib64").symlink_to("lib")
    (environment / "bin" / "python").symlink_to(f"/usr/bin/python{python}")
    for name in ("python3", f"python{python}"):
        (environment / "bin" / name).symlink_to("python")
    settings = ("home = /usr/bin", "include-system-site-packages = false", f"executable = /usr/bin/python{python}")
    (environment / "pyvenv.cfg").write_text("\n".join([*settings, ""]), encoding="utf-8")
    return packages


def unmet(packages: Path, python: str) -> list[str]:
    """Return what packages in a folder require on this Python and is not there; pip asks for its own Python's."""
    found = {_key(one.name): one for one in distributions(path=[str(packages)])}
    lacking = set()
    for one in found.values():
        extras = (*INSTALLED_EXTRAS, "") if _key(one.name) == "pioreactor" else ("",)
        lacking |= {name for name in _required(one, python, extras) if name not in found}
    return sorted(lacking)


def _required(package: Distribution, python: str, extras: tuple[str, ...]) -> set[str]:
    there = {key: str(value) for key, value in default_environment().items()}
    there |= {"python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0"}
    needs = [Requirement(line) for line in package.requires or ()]
    return {
        _key(each.name)
        for each in needs
        if each.marker is None or any(each.marker.evaluate({**there, "extra": extra}) for extra in extras)
    }


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def debian_of_machine() -> str:
    """Return the version of the Debian that this machine runs, or the oldest that there is a package for."""
    found = re.search(r"^VERSION_ID=\"?(\d+)", _os_release(), re.MULTILINE)
    return found[1] if found is not None and found[1] in PYTHONS else min(PYTHONS)


def _os_release() -> str:
    path = Path("/etc/os-release")
    return path.read_text(encoding="utf-8") if path.exists() else ""


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
        "--wheels", type=Path, help="folder with the wheels it needs; default: of this environment, or fetched"
    )
    parser.add_argument(
        "--debian", choices=PYTHONS, default=debian_of_machine(), help="which Debian it is for; default: this one"
    )
    asked = parser.parse_args()
    if asked.wheel is not None and (missing := missing_parts(asked.wheel)):
        parser.error(f"{asked.wheel.name} is not complete, it lacks: {', '.join(missing)}")
    wheels = sorted(asked.wheels.glob("*.whl")) if asked.wheels is not None else None
    made = build(asked.output, wheel=asked.wheel, wheels=wheels, debian=asked.debian)
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
