"""What README and docs tell a person to type exists, and their links lead somewhere."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.pios import pios
from pioreactor.cli.tree import pio

ROOT = Path(__file__).parents[3]
WRITTEN = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md"))
    if path.relative_to(ROOT).as_posix() not in {"docs/reference/cli.md", "docs/reference/config.md"}
]
PATH_OF = {path.relative_to(ROOT).as_posix(): path for path in WRITTEN}


_SHELL_BLOCK = re.compile(r"^ *```(?:|sh|bash|console)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_ANY_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_MADE_HERE = {
    name
    for text in (path.read_text() for path in WRITTEN)
    for name in re.findall(r'(?:job_name = |click\.command\()"([\w-]+)"', text)
}
"""Jobs and commands that a page of the docs defines; `test_docs_code_runs.py` runs them."""
_NAMED_AS_ABSENT = {"export_experiment_data"}
"""Commands of the reference of which the page of differences says that they are not here."""


_NO_COMMANDS = {"must"}
"""Words that follow the name of a program in sentences."""


def commands(text: str, *, in_sentences: bool = True) -> Iterator[list[str]]:
    """Yield the words of each command of ours in code blocks, and in code within sentences."""
    lines = [line.strip() for block in _SHELL_BLOCK.findall(text) for line in block.splitlines()]
    if in_sentences:
        lines += re.findall(r"`([^`\n]+)`", _ANY_BLOCK.sub("", text))
    for line in lines:
        command = re.match(
            r"(?:\w*\$ )?(?:DEBUG=1 )?(?:\.venv/bin/)?((?:pio|pios|make)(?: .*)?)$", re.sub(r"\s[;|].*", "", line)
        )
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
            is_known = rest[0] in _MADE_HERE | _NAMED_AS_ABSENT or re.fullmatch(r"[<…].*", rest[0]) is not None
            return "" if is_known else f"no command {rest[0]!r}"
        command, rest = found, rest[1:]
        context = click.Context(command, info_name=command.name, parent=context)
    if command.context_settings.get("ignore_unknown_options"):
        return ""  # they are those of a job
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    known |= set(context.help_option_names) | {"--help"}
    wrong = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return f"no options {wrong}" if wrong else ""


@pytest.mark.parametrize("name", PATH_OF)
def test_commands_exist(name: str) -> None:
    faults = {" ".join(words): said for words in commands(PATH_OF[name].read_text()) if (said := fault_in(words))}
    assert faults == {}


@pytest.mark.parametrize("name", PATH_OF)
def test_commands_of_code_blocks_can_be_typed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Click parses each of them: none lacks an argument, no value has the wrong type."""
    monkeypatch.chdir(tmp_path)
    faults = {}
    for words in commands(PATH_OF[name].read_text(), in_sentences=False):
        if words[0] == "make" or set(words) & (_MADE_HERE | {"…", "--help"}):
            continue
        for word in words:
            if word.endswith(".yaml"):
                Path(word).touch()
        try:
            parse(pios if words[0] == "pios" else pio, words)
        except click.ClickException as error:
            faults[" ".join(words)] = error.format_message()
    assert faults == {}


def parse(command: click.Command, words: list[str]) -> None:
    """Parse a command down to its last group; raise what click raises."""
    context = command.make_context(words[0], words[1:], obj=CliContext({"HOSTNAME": "unit1"}))
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if rest:
            _, found, _ = command.resolve_command(context, rest)
            assert found is not None
            parse(found, rest)


def test_commands_in_messages_exist() -> None:
    """A remedy that names a command which does not exist is worse than none."""
    wrong = set()
    for path in (ROOT / "src" / "pioreactor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for program, name in re.findall(r"\b(pios?) ([a-z][a-z_-]+)", node.value):
                    if name not in _NO_COMMANDS and fault_in([program, name]):
                        wrong.add(f"{path.name}: {program} {name}")
    assert wrong == set()


def test_a_wrong_command_is_noticed() -> None:
    assert fault_in(["pio", "jobz"])
    assert fault_in(["pio", "jobs", "list", "--nonsense"])
    assert fault_in(["make", "coffee"])
    assert fault_in(["pio", "run", "stiring"])
    assert not fault_in(["pio", "run", "stirring", "--target-rpm", "500"])
    assert not fault_in(["pio", "run", "greeter"])
    with pytest.raises(click.ClickException, match="Missing parameter: value"):
        parse(pio, ["pio", "jobs", "set", "stirring", "target_rpm"])


@pytest.mark.parametrize("name", PATH_OF)
def test_links_lead_somewhere(name: str) -> None:
    """A folder is no page: on the documentation site it would be a 404."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", PATH_OF[name].read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (PATH_OF[name].parent / link).is_file()] == []


@pytest.mark.parametrize("name", [name for name in PATH_OF if name.startswith("docs/") and "README" not in name])
def test_each_page_is_linked_from_a_table_of_contents(name: str) -> None:
    path = PATH_OF[name]
    contents = {path.parent / "README.md": path.name, ROOT / "docs" / "README.md": f"{path.parent.name}/{path.name}"}
    assert any(page.is_file() and f"({link})" in page.read_text() for page, link in contents.items())


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "explanations" / "architecture.md").read_text()
    named = [name for name in re.findall(r"`([\w/]+\.py)`", text) if "/" in name]
    assert len(named) > 20
    assert [
        name for name in named if not ((ROOT / "src" / "pioreactor" / name).exists() or (ROOT / name).exists())
    ] == []


def test_decisions_are_numbered_once_and_have_the_four_headings() -> None:
    records = sorted((ROOT / "docs" / "explanations" / "decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == [*range(1, len(numbers) + 1)]
    for path, number in zip(records, numbers, strict=True):
        text = path.read_text()
        assert text.startswith(f"# {number}. "), path.name
        assert re.findall(r"^## (.+)$", text, flags=re.M)[:4] == ["Status", "Context", "Decision", "Consequences"]
