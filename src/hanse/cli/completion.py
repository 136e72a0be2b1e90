# SPDX-License-Identifier: Apache-2.0
"""``hanse completion``: the script that makes a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

from hanse.cli.output import common, emit


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@common
def completion(ctx: click.Context, *, shell: str, as_json: bool) -> None:
    """Print the completion script of a shell.

    Examples:
      hanse completion bash > ~/.local/share/bash-completion/completions/hanse
      hanse completion zsh > "${fpath[1]}/_hanse"
      hanse completion fish > ~/.config/fish/completions/hanse.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(ctx.find_root().command, {}, "hanse", "_HANSE_COMPLETE")
    script = made.source_template % made.source_vars()
    emit({"script": script, "shell": shell}, as_json=as_json, text=script.rstrip("\n"))
