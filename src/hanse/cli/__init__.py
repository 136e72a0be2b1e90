# SPDX-License-Identifier: Apache-2.0
"""The command line, thin: every command is a few lines over ``client`` or ``node``."""

import click

from hanse import __version__
from hanse.cli.bench import bench
from hanse.cli.demo import demo
from hanse.cli.node import node


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hanse")
def main() -> None:
    """A shared, tamper-evident record for organisations that work together.

    \b
    Examples:
      hanse demo                              a network with a story, in the browser
      hanse tx show TX                        one transaction in words
      hanse proof export TX -o evidence.json  a file that proves it to a stranger
      hanse verify --trust LEDGER FILE        check such a file, offline
    """


for command in (bench, demo, node):
    main.add_command(command)
