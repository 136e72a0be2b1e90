# SPDX-License-Identifier: Apache-2.0
"""What every command shares: one JSON document or plain text, errors with a next step, progress."""

import functools
import importlib
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar

import click
import msgspec

from hanse.codec.problems import build_problem, title_of
from hanse.contracts.app import App
from hanse.crypto import keyfiles
from hanse.crypto.signers import Signer
from hanse.errors import HanseError, Misconfigured

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_URL = "http://127.0.0.1:8420"
LINE_EVERY_S = 10.0


@dataclass(eq=False)
class FileUnusable(Misconfigured):
    """A file or folder that the command needs cannot be read or written."""

    path: str
    reason: str
    code: ClassVar[str] = "file_unusable"
    hint: ClassVar[str] = "Check the path, its owner and the space on its disk."


def emit(document: object, *, as_json: bool, text: str | None = None) -> None:
    """Print ``document`` as one JSON line, or ``text`` (by default a table of its fields)."""
    if as_json:
        click.echo(msgspec.json.encode(document, order="sorted").decode())
        return
    if text is not None:
        click.echo(text)
        return
    plain = msgspec.to_builtins(document)
    if isinstance(plain, Mapping):
        width = max((len(str(k)) for k in plain), default=0)
        for key, value in plain.items():
            click.echo(f"{key:<{width}}  {_shown(value)}")
    else:
        click.echo(_shown(plain))


def _shown(value: object) -> str:
    if isinstance(value, str | int):
        return str(value)
    return msgspec.json.encode(value, order="sorted").decode()


def common(function: Callable[P, R]) -> Callable[P, R]:
    """Give a command ``--json`` and ``--debug``, and turn errors into code, cause and next step."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @keep_examples
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        debug = bool(kwargs.pop("debug", False))
        try:
            return function(*args, **kwargs)
        except HanseError as error:
            if debug:
                traceback.print_exc()
            report(error, as_json=bool(kwargs.get("as_json")))
            sys.exit(error.exit_code)
        except OSError as error:
            if debug or error.filename is None:
                raise
            found = FileUnusable(str(error.filename), error.strerror or "unusable")
            report(found, as_json=bool(kwargs.get("as_json")))
            sys.exit(found.exit_code)

    return wrapped


def keep_examples(function: Callable[P, R]) -> Callable[P, R]:
    """Let the examples of a command's docstring stand in its help line by line, not refilled."""
    text = inspect.cleandoc(function.__doc__ or "")
    function.__doc__ = text.replace("\n\nExamples:", "\n\n\b\nExamples:")
    return function


def report(error: HanseError, *, as_json: bool) -> None:
    """Print an error: its code, its cause, what to do next."""
    problem = build_problem(error)
    if as_json:
        click.echo(msgspec.json.encode(problem, order="sorted").decode())
        return
    known = {"type", "title", "status", "code", "hint", "detail"}
    facts = ", ".join(f"{k} {_shown(v)}" for k, v in problem.items() if k not in known)
    code = click.style(str(problem["code"]), bold=True)
    click.echo(f"{code}: {problem.get('detail') or title_of(type(error))}", err=True)
    if facts:
        click.echo(f"  {facts}", err=True)
    click.echo(f"  next: {problem['hint']}", err=True)
    click.echo(f"  more: hanse explain {problem['code']}", err=True)


@contextmanager
def progress(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, total): a bar on a terminal, else a line every ten seconds."""
    if quiet:
        yield lambda _done, _total: None
        return
    terminal = sys.stderr.isatty()
    last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if terminal and (now - last > 0.1 or done == total):
            last = now
            share = done / total if total else 1.0
            bar = "█" * int(share * 30)
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r{label} {bar:<30} {share:4.0%}{end}")
            sys.stderr.flush()
        elif not terminal and now - last > LINE_EVERY_S:
            last = now
            click.echo(f"{label}: {done} of {total}", err=True)

    yield show


def load_signer(path: Path) -> Signer:
    """Return the signer of a key file; a sealed one is opened with ``HANSE_PASSPHRASE``."""
    return keyfiles.load(path, passphrase=os.environ.get("HANSE_PASSPHRASE"))


def load_app(name: str) -> App:
    """Return the app in the module ``name``."""
    try:
        found = importlib.import_module(name).APP
    except (ImportError, AttributeError) as error:
        raise click.BadParameter(f"no module with an APP: {error}") from None
    assert isinstance(found, App)
    return found


def as_args(text: str) -> dict[str, Any]:
    """Return the JSON object that ``text`` is, or that the file after ``@`` holds."""
    try:
        raw = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        value = msgspec.json.decode(raw)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"the file of the arguments: {error}") from None
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise click.BadParameter("arguments are a JSON object")
    return value
