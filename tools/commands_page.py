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

**Node options**, of every command that asks a node:

| option | meaning |
|---|---|
| `--url` | Its address; by default `http://127.0.0.1:8420`. Or `HANSE_URL` in the environment. |
| `--trust` | Trust anchor: ledger id, or file with a checkpoint. Or `HANSE_TRUST`. |
| `--memory` | Folder of checkpoints seen, to notice a rewritten history. Or `HANSE_MEMORY`. |

**Signing options**, of every command that signs:

| option | meaning |
|---|---|
| `--as` | Who signs: `name@organisation`. Or `HANSE_MEMBER`. |
| `--key` | Key file; `HANSE_PASSPHRASE` opens a sealed one. Or `HANSE_KEY`. |
| `--key-id` | The registry's name of the key; by default `k1`. |
"""
SHARED = {
    "the node options": {"--url", "--trust", "--memory"},
    "the signing options": {"--as", "--key", "--key-id"},
}


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
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    about, _, examples = text.partition("Examples:")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n### {context.command_path}\n\n{about.strip().replace('``', '`')}\n\n"
    yield f"    {context.command_path} {usage}\n"
    if shown := inspect.cleandoc(examples):
        yield f"\n```text\n{shown}\n```\n"
    own = [p for p in command.params if isinstance(p, click.Option)]
    taken = []
    for name_of_all, opts in SHARED.items():
        if opts <= {p.opts[-1] for p in own}:
            taken.append(name_of_all)
            own = [p for p in own if p.opts[-1] not in opts]
    if rows := sorted(row for row in map(option_row, own) if row):
        yield "\n| option | meaning |\n|---|---|\n" + "".join(rows)
    if taken:
        yield f"\nTakes {' and '.join(taken)}.\n"


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
