# SPDX-License-Identifier: Apache-2.0
"""The command line, thin: every command is a few lines over ``client`` or ``node``.

A command's module is loaded when the command is asked for: completion and ``--help`` stay quick.
"""

import importlib
import sys
from typing import Any, ClassVar, Final

import click
from click.shell_completion import CompletionItem

from hanse import __version__
from hanse.cli.output import keep_examples

# group → command → module and one line, the first of the command's own help (a test compares)
COMMANDS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Try it": {
        "demo": ("demo", "Start a network of several organisations and play its story."),
        "up": ("up", "Run a network of several validators on this machine."),
        "bench": ("bench", "Measure committed transactions a second, client included."),
    },
    "Write a contract": {
        "init": ("init", "Write a new project: a contract, its tests, its network."),
        "dev": ("dev", "Run a project's contract on a node and reload it whenever it is saved."),
    },
    "Use a ledger": {
        "ledger": ("ledger", "Show which ledger a node serves and how far it is."),
        "tx": ("tx", "Send, show, explain and re-execute transactions."),
        "query": ("contract", "Ask a query of a contract."),
        "state": ("contract", "Show a value of a contract's state, proved present or absent."),
        "range": ("contract", "Show rows of an ordered map, proved to be all of them."),
        "history": ("history", "Show every version of a state entry, or what it was at a height."),
        "contract": (
            "contract",
            "Check contracts, show them, decide what becomes of them.",
        ),
        "governance": (
            "governance",
            "Decide who takes part in the network, and by which rules.",
        ),
        "gen": ("gen", "Generate clients and schemas from a contract's types."),
        "import": ("document", "Check a standard's document and put it on the ledger."),
        "export": ("document", "Fetch a kept document, byte for byte."),
    },
    "Prove it": {
        "proof": ("proof", "Make evidence files."),
        "verify": ("proof", "Check an evidence file, offline."),
        "checkpoint": ("ledger", "Show the newest signed checkpoint of the log."),
        "witness": ("witness", "Cosign a ledger's checkpoints as an outside witness."),
    },
    "Run a node": {
        "node": ("node", "Make and run a node."),
        "network": ("network", "Found a network of several organisations, or join one."),
        "config": ("config", "Show and check the settings of a node."),
        "deploy": (
            "deploying",
            "Write the files of systemd, a container, Helm, Prometheus or Grafana for a node.",
        ),
        "key": ("key", "Make and look at key files."),
        "audit": ("audit", "Execute a node's log again from genesis and compare everything."),
        "backup": ("backup", "Write a backup of a node into one file, while it runs or not."),
        "restore": ("backup", "Put the node of a backup into an empty folder."),
        "doctor": ("doctor", "Look at this machine, and at a node's folder, for what would hurt."),
    },
    "Look things up": {
        "explain": ("explain", "Explain an error code: cause, clause, remedy."),
        "conformance": ("conformance", "Judge the apps by the public data of their standards."),
        "completion": ("completion", "Print the completion script of a shell."),
        "version": ("version", "Show the versions of all that has one."),
    },
}
REFUSED_UNDER_O: Final = (
    "optimised_python: Python runs with -O, which removes the checks that stop a faulty node\n"
    "  next: run it without -O, and unset PYTHONOPTIMIZE\n"
    "  more: hanse explain optimised_python"
)


class Commands(click.Group):
    """The commands of :data:`COMMANDS`, each loaded when it is used."""

    _places: ClassVar[dict[str, tuple[str, str]]] = {
        name: place for group in COMMANDS.values() for name, place in group.items()
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which help shows them."""
        del ctx
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, its module loaded; ``None`` when there is none of this name."""
        del ctx
        if cmd_name not in self._places:
            return None
        module = importlib.import_module(f"{__name__}.{self._places[cmd_name][0]}")
        found = getattr(module, f"{cmd_name}_command", None) or getattr(module, cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by group."""
        del ctx
        for group, commands in COMMANDS.items():
            with formatter.section(group):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()], 14)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin so, without loading what they name."""
        items = [
            CompletionItem(name, help=line)
            for name, (_, line) in self._places.items()
            if name.startswith(incomplete)
        ]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of a run; there is none under ``python -O``."""
        if sys.flags.optimize:
            click.echo(REFUSED_UNDER_O, err=True)
            sys.exit(4)
        return super().make_context(info_name, args, parent, **extra)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hanse")
@keep_examples
def main() -> None:
    """A shared, tamper-evident record for organisations that work together.

    Examples:
      hanse demo                                 a network with a story, in the browser
      hanse tx show TX                           one transaction in words, proved
      hanse proof export TX -o evidence.json     a file that proves it to a stranger
      hanse verify --trust LEDGER evidence.json  check such a file, offline
    """
