"""Jobs of plugins are found wherever the plugin defines them, and nothing that cannot be started is taken for one."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from pioreactor.cli import plugin_commands
from pioreactor.cli.plugin_commands import add_plugin_commands
from pioreactor.plugin_management.discovery import get_plugins, jobs_of
from pioreactor.web.catalog import DeclaredCatalog

Install = Callable[[dict[str, str]], str]

JOB = '''
import abc
import click
from pioreactor.background_jobs.base import BackgroundJobContrib


class {name}({base}):
    """{name} of a test."""
    job_name = "{job}"
'''
COMMAND = '''
@click.command(name="{job}")
def click_{job}():
    """Run it."""
'''


def job(name: str, job_name: str, base: str = "BackgroundJobContrib", *, command: bool = False) -> str:
    text = JOB.format(name=name, base=base, job=job_name)
    return text + (COMMAND.format(job=job_name) if command else "")


def names(folder: Path) -> set[str]:
    return {each.job_name for plugin in get_plugins(folder, environment={}).values() for each in jobs_of(plugin)}


def test_a_job_in_a_submodule_is_described(package: Install, folder: Path) -> None:
    name = package({"__init__.py": "from PACKAGE.inner.job import click_sub_case\n", "inner/__init__.py": "",
                    "inner/job.py": job("SubCase", "sub_case", command=True)})  # fmt: skip
    described = {each.job_name: each for each in DeclaredCatalog(folder).jobs()}
    assert described["sub_case"].source == name
    assert described["sub_case"].description == "SubCase of a test."


def test_a_job_in_a_submodule_has_a_command(package: Install, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package({"__init__.py": "from PACKAGE import job\n", "job.py": job("Quiet", "quiet_case")})
    group = click.Group("run")
    monkeypatch.setattr(plugin_commands, "get_plugins", lambda: get_plugins(folder, environment={}))
    add_plugin_commands(group)
    assert "quiet_case" in group.commands


def test_abstract_bases_are_not_jobs(folder: Path) -> None:
    text = job("Pump", "plain_pump_case") + job("_Private", "private_case").replace("import", "import", 1)
    text += "\n\nclass WithAbstract(BackgroundJobContrib):\n    job_name = 'abstract_case'\n"
    text += "    @abc.abstractmethod\n    def act(self): ...\n"
    text += "\n\nclass Concrete(WithAbstract):\n    job_name = 'concrete_case'\n    def act(self): ...\n"
    text += "\n\nclass Nameless(BackgroundJobContrib):\n    pass\n"
    (folder / "abstract_plugin_under_test.py").write_text(text)
    assert names(folder) == {"plain_pump_case", "concrete_case"}


def test_a_base_without_a_command_is_no_job_where_others_have_one(folder: Path) -> None:
    text = job("Base", "base_case") + job("Left", "left_case", "Base", command=True)
    text += "\n\nclass Right(Base):\n    job_name = 'right_case'\n"
    text += (
        job("Alone", "alone_case") + job("Parent", "parent_case", command=True) + job("Child", "child_case", "Parent")
    )
    (folder / "bases_plugin_under_test.py").write_text(text)
    assert names(folder) == {"left_case", "right_case", "alone_case", "parent_case", "child_case"}


def test_a_job_that_a_plugin_only_imports_is_not_its_own(package: Install, folder: Path) -> None:
    package({"__init__.py": "from pioreactor.background_jobs.stirring.job import Stirrer\n"})
    assert names(folder) == set()


# ---- what raises ------------------------------------------------------------------------------------------------


def test_a_plugin_that_raises_costs_itself_only(package: Install, folder: Path) -> None:
    package({"__init__.py": "import sys\nsys.exit(3)\n"})
    package({"__init__.py": "raise RuntimeError('not today')\n"})
    (folder / "exits_under_test.py").write_text("raise SystemExit('no license')\n")
    (folder / "fails_under_test.py").write_text("class A(B): ...\n")
    (folder / "works_under_test.py").write_text(job("Works", "works_case"))
    said: list[str] = []
    found = get_plugins(folder, environment={}, say=said.append)
    assert "works_under_test" in found
    assert len(said) == 4
    assert names(folder) == {"works_case"}


def test_a_job_that_cannot_be_described_hides_no_other(folder: Path) -> None:
    text = job("Works", "other_works_case")
    text += "\n\nclass Meta(type(BackgroundJobContrib)):\n"
    text += "    @property\n    def __doc__(cls): raise OSError('no text')\n"
    text += "\n\nclass Odd(BackgroundJobContrib, metaclass=Meta):\n    job_name = 'odd_case'\n"
    (folder / "odd_under_test.py").write_text(text)
    described = {each.job_name for each in DeclaredCatalog(folder).jobs()}
    assert {"stirring", "other_works_case"} <= described
    assert "odd_case" not in described


# ---- files that are added ---------------------------------------------------------------------------------------


def test_a_file_that_is_added_or_repaired_is_found_without_a_restart(folder: Path) -> None:
    catalog = DeclaredCatalog(folder)
    assert "late_case" not in {each.job_name for each in catalog.jobs()}
    late = folder / "late_under_test.py"
    said: list[str] = []
    late.write_text("1/0\n")
    get_plugins(folder, environment={}, say=said.append)
    get_plugins(folder, environment={}, say=said.append)
    assert len(said) == 1
    late.write_text(job("Late", "late_case"))
    os.utime(late, ns=(1, late.stat().st_mtime_ns + 1))
    assert "late_case" in {each.job_name for each in catalog.jobs()}
    module = sys.modules["late_under_test"]
    get_plugins(folder, environment={})
    assert sys.modules["late_under_test"] is module
