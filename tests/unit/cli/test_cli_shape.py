# SPDX-License-Identifier: Apache-2.0
"""Every command has the same shape: a line, examples, ``--json``, its exit codes."""

import importlib
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from hanse.cli import COMMANDS, main
from hanse.cli.output import as_args, report
from hanse.client._http import error_of
from hanse.codec.problems import build_problem
from hanse.errors import Malformed, Refusal
from hanse.node.errors import NotCosigned

PLACES = {name: place for group in COMMANDS.values() for name, place in group.items()}


def _found(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def _leaves() -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name in PLACES:
        command = _found(name)
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}": command.commands[sub] for sub in command.commands}
        else:
            found[name] = command
    return found


LEAVES = _leaves()


@pytest.mark.parametrize("name", sorted(PLACES))
def test_the_line_in_the_list_is_the_first_of_the_commands_own_help(name: str) -> None:
    assert (_found(name).help or "").partition("\n")[0] == PLACES[name][1]


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_command_has_examples_that_stand_line_by_line_and_json(name: str) -> None:
    shown = CliRunner().invoke(main, [*name.split(), "--help"])
    assert shown.exit_code == 0
    examples = shown.stdout.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert examples
    assert all(f"hanse {name}" in line for line in examples)
    assert "--json" in shown.stdout


def test_the_help_shows_four_examples_then_every_command_by_group() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    assert shown.index("Examples:") < shown.index("Try it:") < shown.index("Look things up:")
    assert shown.partition("Examples:")[2].partition("\n\n")[0].count("hanse ") == 4
    assert all(f"  {name} " in shown for name in PLACES)


def test_help_and_completion_load_no_command() -> None:
    code = (
        "import sys, hanse.cli\n"
        "hanse.cli.main.main(['--help'], standalone_mode=False)\n"
        "assert 'aiohttp' not in sys.modules, 'the node was loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(main, ["mine"]).exit_code == 2


def test_python_without_assertions_is_refused() -> None:
    command = [sys.executable, "-O", "-m", "hanse", "version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert ended.stdout == ""
    assert ended.stderr.startswith("optimised_python: ")
    assert "next:" in ended.stderr


def test_an_error_prints_code_cause_next_step_and_where_to_read_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(Malformed(reason="no name", at="$.name"), as_json=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0].startswith("malformed: ")
    assert "reason no name" in lines[1]
    assert lines[2].startswith("  next: ")
    assert lines[3] == "  more: hanse explain malformed"


def test_a_refusal_of_the_ledger_prints_the_ledgers_own_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = Refusal("not_holder", "only the holder may", {"holder": "acme"}, "T", "Ask acme.")
    report(error, as_json=False)
    shown = capsys.readouterr().err
    assert shown.startswith("not_holder: only the holder may\n  holder acme, tx T\n")
    assert "next: Ask acme.\n" in shown
    assert "fact_" not in shown
    report(error, as_json=True)
    problem = json.loads(capsys.readouterr().out)
    assert (problem["code"], problem["detail"]) == ("not_holder", "only the holder may")
    assert (problem["hint"], problem["holder"]) == ("Ask acme.", "acme")


def test_what_a_node_could_not_do_is_told_in_the_nodes_own_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = NotCosigned(height=7, have=0, need=1)
    passed_on = error_of(build_problem(asked), 503)
    assert passed_on.exit_code == 4
    report(passed_on, as_json=False)
    shown = capsys.readouterr().err
    assert shown.startswith("not_cosigned_yet: The witnesses have not cosigned this height yet\n")
    assert "height 7" in shown
    assert "next: Start the witnesses (`hanse witness`)" in shown
    report(error_of({}, 502), as_json=False)
    assert capsys.readouterr().err.startswith("node_failed: ")


def test_arguments_are_an_object_given_in_place_or_in_a_file(tmp_path) -> None:
    (tmp_path / "args.json").write_text('{"a":1}', "utf-8")
    assert as_args('{"a":1}') == as_args(f"@{tmp_path}/args.json") == {"a": 1}
    for wrong in ("[1]", "{", "@absent.json"):
        with pytest.raises(click.BadParameter):
            as_args(wrong)


def test_every_module_of_a_command_loads_alone() -> None:
    for module in {place[0] for place in PLACES.values()}:
        importlib.import_module(f"hanse.cli.{module}")
