"""`pio db`: the leader's database in a shell, and what it could not take."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.commands.quarantine import quarantine
from pioreactor.cli.render import print_table
from pioreactor.exc import InvalidRequestError


@click.group(invoke_without_command=True)
@click.option("-c", "--command", "statement", help="Run one SQL statement, print what it returns, and end.")
@click.option("--write", is_flag=True, help="Allow changes. Without it the database is opened read-only.")
@pass_cli_context
@click.pass_context
def db(ctx: click.Context, cli: CliContext, statement: str | None, write: bool) -> None:
    """Open the leader's database in an SQLite shell: `sqlite3` where it is installed, else a small one of ours."""
    if ctx.invoked_subcommand is not None:
        return
    path = cli.database()
    shell = shutil.which("sqlite3")
    if statement is None and shell is not None:
        os.execv(shell, [shell, *([] if write else ["-readonly"]), str(path)])
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={'rw' if write else 'ro'}", uri=True)
    try:
        if statement is not None:
            _run(connection, statement)
        else:
            _converse(connection)
    finally:
        connection.close()


db.add_command(quarantine)


def _converse(connection: sqlite3.Connection) -> None:
    click.echo("SQL statements end with a semicolon; Ctrl-D ends the shell.")
    text = ""
    for line in sys.stdin:
        text += line
        if text.rstrip().endswith(";"):
            try:
                _run(connection, text)
            except InvalidRequestError as error:
                click.echo(f"Error: {error}", err=True)
            text = ""


def _run(connection: sqlite3.Connection, statement: str) -> None:
    connection.row_factory = sqlite3.Row
    try:
        with connection:
            cursor = connection.execute(statement)
            rows = [dict(row) for row in cursor.fetchall()]
    except sqlite3.Error as error:
        raise InvalidRequestError(f"the database refuses: {error}") from None
    if cursor.description is not None:
        print_table(rows, [column[0] for column in cursor.description], none="No rows.")
