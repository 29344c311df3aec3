"""What README and docs tell a person to type exists, their links lead somewhere, and their jobs run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pioreactor.cli.pios import pios
from pioreactor.cli.tree import pio
from pioreactor.jobs.job import BackgroundJob
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench

ROOT = Path(__file__).parents[3]
WRITTEN = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md"))
    if path.relative_to(ROOT).as_posix() not in {"docs/reference/cli.md", "docs/reference/config.md"}
]
PATH_OF = {path.relative_to(ROOT).as_posix(): path for path in WRITTEN}


def blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of ours in code blocks, and in code within sentences."""
    lines = [line for block in blocks(text) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in lines:
        command = re.match(r"(?:DEBUG=1 )?(?:\.venv/bin/)?((?:pio|pios|make)(?: .*)?)$", re.sub(r"\s[;|].*", "", line))
        if command is not None:
            yield shlex.split(command[1], comments=True)


def fault_in(words: list[str]) -> str:
    """Say what is wrong with a command; nothing when it exists and its options do."""
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
        variables = set(re.findall(r"\$\(([A-Z]+)\)", (ROOT / "Makefile").read_text()))
        wrong = [word for word in words[1:] if word.split("=")[0] not in targets | variables | {"…"}]
        return f"make does not know {wrong}" if wrong else ""
    command: click.Command = pios if words[0] == "pios" else pio
    context = click.Context(command, info_name=words[0])
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-") and rest[0] != "…":
        found = command.get_command(context, rest[0])
        if found is None:
            return "" if words[1] == "run" else f"no command {rest[0]!r}"
        command, rest = found, rest[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= set(context.help_option_names) | {"--help"}
    wrong = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return f"no options {wrong}" if wrong else ""


@pytest.mark.parametrize("name", PATH_OF)
def test_commands_exist(name: str) -> None:
    faults = {" ".join(words): said for words in commands(PATH_OF[name].read_text()) if (said := fault_in(words))}
    assert faults == {}


def test_a_wrong_command_is_noticed() -> None:
    assert fault_in(["pio", "jobz"])
    assert fault_in(["pio", "jobs", "list", "--nonsense"])
    assert fault_in(["make", "coffee"])
    assert not fault_in(["pio", "run", "stirring", "--target-rpm", "500"])


@pytest.mark.parametrize("name", PATH_OF)
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", PATH_OF[name].read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (PATH_OF[name].parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/tutorials/your-first-hour.md"])
def test_jobs_in_the_docs_run(name: str) -> None:
    (source,) = blocks(PATH_OF[name].read_text(), "python")
    module: dict[str, object] = {"__name__": "written_in_the_docs"}
    exec(compile(source, name, "exec"), module)
    (job,) = [
        value
        for value in module.values()
        if isinstance(value, type) and issubclass(value, BackgroundJob) and value.__module__ == "written_in_the_docs"
    ]
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        running = bench.start(lambda: job(bench.unit.name, EXPERIMENT))
        bench.wait(1.0)
        assert running.state == running.READY
        settable = [setting for setting, facts in job.settings().items() if facts.settable]
        bench.set(job.job_name, settable[0], "0.5")
        bench.wait(1.0)
        assert bench.payloads(f"{job.job_name}/{settable[0]}")[-1] == b"0.5"


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "explanations" / "architecture.md").read_text()
    named = [name for name in re.findall(r"`([\w/]+\.py)`", text) if "/" in name]
    assert len(named) > 20
    assert [
        name for name in named if not ((ROOT / "src" / "pioreactor" / name).exists() or (ROOT / name).exists())
    ] == []


def test_decisions_are_numbered_once_and_have_the_four_headings() -> None:
    records = sorted((ROOT / "docs" / "explanations" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(numbers) + 1))
    for path, number in zip(records, numbers, strict=True):
        text = path.read_text()
        assert text.startswith(f"# {number}. "), path.name
        assert re.findall(r"^## (.+)$", text, flags=re.M)[:4] == ["Status", "Context", "Decision", "Consequences"]
