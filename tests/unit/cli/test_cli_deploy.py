# SPDX-License-Identifier: Apache-2.0
"""The files for operators: out of the package, as the code makes them, closed as they say."""

import configparser
import json
import re
import textwrap
from pathlib import Path

import promql_parser
import pytest
from click.testing import CliRunner
from tools.deploy_files import FOLDER, PAGE, build_files, expression

from hanse.cli import main
from hanse.cli.deploying import KINDS
from hanse.node.figures import BY_NAME, FIGURES
from hanse.node.settings import BY_NAME as SETTINGS_BY_NAME
from hanse.node.settings import SETTINGS, read

ROOT = Path(__file__).parents[3]
UNIT = FOLDER / "systemd/hanse-node@.service"
VARIABLES = {s.variable for s in SETTINGS}


@pytest.mark.parametrize("name", ["prometheus/alerts.yaml", "grafana/hanse.json"])
def test_the_file_is_what_the_table_of_figures_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == build_files()[name], "run `make docs`"


def test_an_expression_names_its_figure_wherever_the_table_says_it() -> None:
    figure = BY_NAME["hanse_height"]
    shown = expression('rate(it[5m]) + it_bucket + it{a="b"} + limit', figure)
    assert shown == 'rate(hanse_height[5m]) + hanse_height_bucket + hanse_height{a="b"} + limit'


def test_every_figure_of_an_expression_is_one_of_ours() -> None:
    text = "".join(build_files().values())
    found = set(re.findall(r"\bhanse_[a-z_]+[a-z]", text))
    known = set(BY_NAME) | {f"{name}_bucket" for name in BY_NAME}
    assert found <= known
    assert len(found) > 20


def test_every_expression_is_promql() -> None:
    files = build_files()
    alerts = re.findall(r"^ +expr: (.+)$", files["prometheus/alerts.yaml"], re.MULTILINE)
    drawn = json.loads(files["grafana/hanse.json"])["panels"]
    expressions = [json.loads(text) for text in alerts]
    expressions += [target["expr"] for panel in drawn for target in panel["targets"]]
    assert len(expressions) > 20
    for text in expressions:
        promql_parser.parse(text)
    with pytest.raises(ValueError, match="end of input"):
        promql_parser.parse("rate(hanse_height)[5m")


def test_every_alert_has_its_own_section_that_says_what_to_do() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    names = [alert.name for figure in FIGURES for alert in figure.alerts]
    assert len(names) == len(set(names)) > 10
    assert [n for n in names if f"\n### {n}\n" not in page] == []


def test_the_dashboard_has_a_panel_for_each_drawn_figure() -> None:
    panels = json.loads(build_files()["grafana/hanse.json"])["panels"]
    assert len(panels) == sum(bool(f.panel) for f in FIGURES)
    places = {(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels}
    assert len(places) == len({p["id"] for p in panels}) == len(panels)


def unit() -> dict[str, list[str]]:
    """Return the values of each key of the service section, in order."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif "=" in line and not line.startswith("#") and section == "[Service]":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_restarts_what_asks_for_it_and_leaves_down_what_must_be_looked_at() -> None:
    found = unit()
    assert found["Restart"] == ["on-failure"]
    assert found["RestartPreventExitStatus"] == ["3 4"]
    assert (found["Type"], found["NotifyAccess"]) == (["notify"], ["main"])
    assert found["LimitCORE"] == ["0"]
    assert found["CapabilityBoundingSet"] == [""]
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute"):
        assert found[key] == ["yes"], key
    assert found["ProtectSystem"] == ["strict"]
    needed = {
        "landlock_create_ruleset",
        "landlock_restrict_self",
        "seccomp",
    }  # by the locked worker
    assert needed <= set(" ".join(found["SystemCallFilter"]).split())
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read_string(UNIT.read_text("utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*")), ids=lambda p: p.name)
def test_a_variable_that_a_file_sets_is_a_setting(file: Path) -> None:
    if file.is_file():
        found = set(re.findall(r"\bHANSE_[A-Z_]+", file.read_text("utf-8")))
        assert found <= VARIABLES


def test_the_container_needs_no_root_and_no_shell_to_start() -> None:
    lines = (FOLDER / "container/Containerfile").read_text("utf-8").splitlines()
    words = [line.split(" ", 1)[0] for line in lines]
    last = len(words) - 1 - words[::-1].index("FROM")
    final = lines[last:]
    assert "USER 65532:65532" in final
    assert final.index("USER 65532:65532") < final.index('ENTRYPOINT ["hanse"]')
    assert all("USER" not in line for line in final if line.startswith("RUN"))
    assert any(line.startswith("VOLUME /var/lib/hanse") for line in final)
    assert not [w for w in words if w == "ADD"]
    assert "ARG BASE=" in "\n".join(lines)  # to be pinned by digest where it is built


def test_the_charts_settings_are_read(tmp_path: Path) -> None:
    text = (FOLDER / "helm/hanse-node/values.yaml").read_text("utf-8")
    settings = text.partition("settings: |\n")[2].partition("\n\n")[0]
    (tmp_path / "hanse.toml").write_text(textwrap.dedent(settings), "utf-8")
    assert read(tmp_path, {}).switch("tls.elsewhere") is True
    assert "tls.elsewhere" in SETTINGS_BY_NAME


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_written_out_of_the_package_once(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    made = CliRunner().invoke(main, ["deploy", kind, "--out", str(out), "--json"])
    assert made.exit_code == 0, made.output
    files = [Path(name) for name in json.loads(made.stdout)["files"]]
    assert sorted(files) == sorted(p for p in out.rglob("*") if p.is_file())
    for path in files:
        assert path.read_bytes() == (FOLDER / kind / path.relative_to(out)).read_bytes()
    files[0].write_text("mine")
    again = CliRunner().invoke(main, ["deploy", kind, "--out", str(out)])
    assert again.exit_code == 2
    assert files[0].read_text() == "mine"
