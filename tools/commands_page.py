# SPDX-License-Identifier: Apache-2.0
"""The reference page of all commands, from their own help."""

import inspect
from collections.abc import Iterator

import click
from tools._markdown import WRITTEN, cell

from hanse.cli import COMMANDS
from hanse.cli import main as hanse_command

ABOUT = """
Exit codes: 0 fine; 1 rejected or not valid; 2 wrong usage; 3 corrupt; 4 misconfigured; 5 cannot
be decided; 70 start me again. On every command `--json` prints one JSON document, and `--debug`
shows the traceback of an error. A message names a code: `hanse explain CODE`.
"""


def commands_page() -> str:
    """Return the page of all commands, by group."""
    parts = [
        f"# Commands\n\n{WRITTEN}",
        ABOUT,
    ]
    context = click.Context(hanse_command, info_name="hanse")
    for group, names in COMMANDS.items():
        parts.append(f"\n## {group}\n")
        for name in names:
            command = hanse_command.get_command(context, name)
            assert command is not None
            parts += command_parts(command, context, name)
    return "".join(parts)


def command_parts(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    """Yield the text of a command, or of those that its group has."""
    context = click.Context(command, info_name=name, parent=parent)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from command_parts(found, context, inner)
        return
    about, _, examples = inspect.cleandoc(command.help or "").partition("\b")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n### {context.command_path}\n\n{about.strip().replace('``', '`')}\n\n"
    yield f"    {context.command_path} {usage}\n"
    if lines := [line.strip() for line in examples.splitlines()[1:]]:
        shown = "\n".join(line for line in lines if line != "Examples:")
        yield f"\n```text\n{shown.strip()}\n```\n"
    options = [option_row(p) for p in command.params if isinstance(p, click.Option)]
    if rows := sorted(row for row in options if row):
        yield "\n| option | meaning |\n|---|---|\n" + "".join(rows)


def option_row(option: click.Option) -> str:
    """Return the table row of an option, nothing for those that every command has."""
    if {"--json", "--debug", "--help"} & set(option.opts):
        return ""
    notes = [cell(option.help or "")] if option.help else []
    if option.required:
        notes.append("Needed.")
    default = option.default
    if option.show_default and isinstance(default, str | int) and not option.is_flag:
        notes.append(f"By default `{default}`.")
    if option.envvar:
        notes.append(f"Or `{option.envvar}` in the environment.")
    return f"| `{', '.join(option.opts)}` | {' '.join(notes)} |\n"
