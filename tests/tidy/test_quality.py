# SPDX-License-Identifier: Apache-2.0
"""Every app says which points of the definition of done it meets, and has what it names."""

import tomllib
from pathlib import Path

import pytest
from tests.tidy.tree import ROOT

APPS = sorted(
    path
    for path in (ROOT / "src/hanse/apps").iterdir()
    if path.is_dir() and not path.name.startswith("_")
)
POINTS = [
    *("checker", "refusals", "surface", "formats", "judges"),
    *("scenario", "export", "sealed", "readme"),
]


@pytest.mark.parametrize("app", APPS, ids=lambda path: path.name)
def test_the_app_answers_for_every_point_of_the_definition_of_done(app: Path) -> None:
    points = tomllib.loads((app / "quality.toml").read_text(encoding="utf-8"))
    assert list(points) == POINTS
    for name, point in points.items():
        if point["state"] == "exempt":
            assert set(point) == {"state", "reason"}, name
            assert len(point["reason"]) > 20, name
        else:
            assert set(point) == {"state", "where"}, name
            assert point["state"] == "done", name
            assert not [path for path in point["where"] if not (app / path).exists()], name


@pytest.mark.parametrize("app", APPS, ids=lambda path: path.name)
def test_the_app_has_its_shape(app: Path) -> None:
    wanted = ["README.md", "__init__.py", "contract.py", "model.py", "tests"]
    assert not [name for name in wanted if not (app / name).exists()]
