# SPDX-License-Identifier: Apache-2.0
"""The reference says what the code says: commands, codes, API, paths of the HTTP API."""

import re

import pytest
from tools.reference_pages import FOLDER, build_pages
from tools.spec_examples import ROOT

from hanse.cli.explain import meanings
from hanse.gateway.app import build_app
from hanse.gateway.limits import Counters
from hanse.gateway.routes import Routes


@pytest.mark.parametrize(
    "name",
    [
        "api.md",
        "cli.md",
        "compatibility.md",
        "configuration.md",
        "costs.md",
        "dialect.md",
        "errors.md",
        "watching.md",
    ],
)
def test_the_page_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == build_pages()[name], "run `make docs`"


def test_every_path_of_the_http_api_stands_in_its_page() -> None:
    page = (ROOT / "spec/http-api.md").read_text(encoding="utf-8")
    table = Routes(None, Counters()).table()  # type: ignore[arg-type]  # no request is answered
    hot = list(build_app(None)._hot)  # type: ignore[arg-type]  # the same
    paths = [route.path for route in table] + hot
    assert len(paths) > 30
    shown = set(re.findall(r"/[a-z0-9_/{}.]+", page))
    elsewhere = {"/docs/style.css", "/problems/{code}"}
    assert sorted(path for path in paths if path not in shown | elsewhere) == []
    served = {re.sub(r"\{\w+\}", "{}", path) for path in paths}
    named = {re.sub(r"\{\w+\}", "{}", p) for p in shown if p.startswith("/v1/")}
    concrete = {"/v1/contracts/trace/queries/list_recalls", "/v1/nothing"}
    concrete.add("/v1/contracts/trace/actions/register_item/check")
    assert sorted(named - served - concrete) == []


def test_every_code_of_the_reference_is_explained_offline() -> None:
    page = (FOLDER / "errors.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"^\| `([a-z_0-9]+)` \|", page, flags=re.MULTILINE))
    assert len(codes) > 60
    known = {meaning.code for meaning in meanings()}
    assert sorted(code for code in codes if code not in known) == []
