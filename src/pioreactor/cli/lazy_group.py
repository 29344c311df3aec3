"""A group of commands that imports a command only when it is run; help comes from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import click

from pioreactor.did_you_mean import nearest


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and its one line of help."""

    module: str
    attribute: str
    help: str
    leader_only: bool = False

    def load(self) -> click.Command:
        """Import the command."""
        from importlib import import_module

        command = getattr(import_module(self.module), self.attribute)
        assert isinstance(command, click.Command)
        return command


class SuggestingGroup(click.Group):
    """A group that suggests the nearest name for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            ctx.fail(unknown(args[0], known, kind="command"))
        return super().resolve_command(ctx, args)


class LazyGroup(SuggestingGroup):
    """A group whose subclass names the commands in `entries`."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        return entry.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, is_leader in (("Commands", False), ("Commands of the leader", True)):
            rows = [(name, e.help) for name, e in self.entries.items() if e.leader_only is is_leader]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def unknown(word: str, known: Sequence[str], *, kind: str) -> str:
    """Return a message for an unknown name, with the nearest known one."""
    near = nearest(word, known)
    return f"There is no {kind} {word!r}." + (f" Did you mean {near!r}?" if near is not None else "")
