# SPDX-License-Identifier: Apache-2.0
"""Every example that a reader can copy has been run; every link of ours leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import Page, find_blocks, split_commands
from tests.docs.demo_node import Demo, running_demo

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("spec/*.md"),
        *ROOT.glob("src/hanse/**/*.md"),
        *ROOT.glob("packages/*/*.md"),
    ]
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")


def name_of(path: Path) -> str:
    """Return the path as the repository knows it."""
    return path.relative_to(ROOT).as_posix()


RUNNABLE = [
    path
    for path in PAGES
    if any(block.is_run for block in find_blocks(path.read_text(encoding="utf-8")))
]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demonstration network that every page shares which starts one."""
    with running_demo(tmp_path_factory.mktemp("shared")) as shared:
        yield shared


@pytest.mark.parametrize("path", RUNNABLE, ids=name_of)
def test_every_example_of_the_page_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(name_of(path), tmp_path)
    try:
        for block in find_blocks(path.read_text(encoding="utf-8")):
            if block.beside:
                shared: Demo = request.getfixturevalue("demo")
                page.ports["8420"] = shared.port
                (tmp_path / "demo").symlink_to(shared.folder)
            elif block.is_run:
                page.run(block)
    finally:
        page.close()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for found in LINK.finditer(text):
        target = (found["target"] or found["image"]).split("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            base = ROOT if target.startswith("/") else path.parent
            if not (base / target.lstrip("/")).exists():
                broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_shell_example_shows_its_prompt(path: Path) -> None:
    blocks = find_blocks(path.read_text(encoding="utf-8"))
    assert not [f"{block.line}" for block in blocks if block.kind in {"bash", "sh", "shell"}]
    for block in blocks:
        if block.kind == "console" and not block.file:
            assert split_commands(block.text)


STORY = """
Text.

```python
from dataclasses import dataclass

@dataclass
class Lot:
    kg: int
```

<!-- not run: needs a second machine -->
```console
$ false
```

```python
assert Lot(3).kg == 3
import inspect
assert "kg: int" in inspect.getsource(Lot)
```

```console
$ echo one two \\
    three
one ... three
$ true
```

<!-- file: lot.toml -->
```toml
kg = 3
```

```console
$ export LOT=$(cat lot.toml)
$ echo "$LOT"
kg = 3
$ (echo started at 127.0.0.1:8420; sleep 60) &
$ echo 127.0.0.1:8420 --port 8421 8420
127.0.0.1:10 --port 11 8420
```
"""


def test_blocks_of_a_page_share_their_names(tmp_path: Path) -> None:
    page = Page("story.md", tmp_path, {"8420": "10", "8421": "11"})
    blocks = find_blocks(STORY)
    assert [(block.kind, block.is_run) for block in blocks] == [
        ("python", True),
        ("console", False),
        ("python", True),
        ("console", True),
        ("toml", True),
        ("console", True),
    ]
    try:
        for block in blocks:
            if block.is_run:
                page.run(block)
        assert page.beside[0].poll() is None
    finally:
        page.close()
    assert page.beside[0].poll() is not None


@pytest.mark.parametrize(
    "text",
    [
        "```python\nassert 1 == 2\n```",
        "```python\nundefined\n```",
        "```console\n$ false\n```",
        "```console\n$ echo one\ntwo\n```",
        "```console\necho one\n```",
        "```console\n$ false &\n```",
    ],
)
def test_an_example_that_fails_is_seen(text: str, tmp_path: Path) -> None:
    (block,) = find_blocks(text)
    with pytest.raises((AssertionError, NameError)):
        Page("bad.md", tmp_path).run(block)


def test_a_block_that_is_not_closed_is_seen() -> None:
    with pytest.raises(AssertionError, match="not closed"):
        find_blocks("```python\nx = 1\n")
