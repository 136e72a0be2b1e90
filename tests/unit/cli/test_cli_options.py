# SPDX-License-Identifier: Apache-2.0
"""What commands share: an id that begins with a dash is an argument like any other."""

import json

import click
import pytest
from click.testing import CliRunner

from hanse.cli import main
from hanse.cli.options import ValueCommand

ID = "-o" + "A" * 41  # and its second character is a short option's


@click.command(cls=ValueCommand)
@click.argument("first", required=False)
@click.argument("second", required=False)
@click.option("-o", "--output")
@click.option("--state", type=(str, str))
@click.option("--json", "as_json", is_flag=True)
def shown(**values: object) -> None:
    """Print what came in."""
    given = {name: value for name, value in values.items() if value not in (None, False)}
    click.echo(json.dumps(given, sort_keys=True))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([ID], {"first": ID}),
        ([ID, "--json", "-o", "file"], {"first": ID, "output": "file", "as_json": True}),
        (["-o", "file", ID], {"first": ID, "output": "file"}),
        (["-o", ID, "lot"], {"first": "lot", "output": ID}),
        (["--state", "lots", ID, "x"], {"first": "x", "state": ("lots", ID)}),
        (["--json", "lots", "-5"], {"first": "lots", "second": "-5", "as_json": True}),
        (["--json", "--", ID, "--json"], {"first": ID, "second": "--json", "as_json": True}),
        ([ID, "--", "-x"], {"first": ID, "second": "-x"}),
    ],
)
def test_an_id_or_a_number_may_begin_with_a_dash(
    arguments: list[str], expected: dict[str, object]
) -> None:
    result = CliRunner().invoke(shown, arguments)
    assert result.exit_code == 0, result.output
    assert result.output == json.dumps(expected, sort_keys=True) + "\n"


@pytest.mark.parametrize("argument", ["-W", "-Wx", "--nothing", "-" + "A" * 43])
def test_what_is_no_id_stays_an_unknown_option(argument: str) -> None:
    result = CliRunner().invoke(shown, [argument])
    assert result.exit_code == 2
    assert "No such option" in result.output


@pytest.mark.parametrize(
    "command",
    [
        ["tx", "show", ID],
        ["tx", "why", ID],
        ["proof", "export", ID, "-o", "evidence.json"],
        ["export", ID, "-o", "document.json"],
        ["state", "lots", "stock", ID],
    ],
)
def test_the_commands_that_take_an_id_ask_the_node_for_it(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--url", "http://127.0.0.1:1", "--json"])
    assert result.exit_code == 4, result.output  # nobody answers there
    assert "not_reachable" in result.output
