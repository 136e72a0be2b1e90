# SPDX-License-Identifier: Apache-2.0
"""The settings of a node as options of a command, made from their table."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from hanse.node.settings import FILE, PREFIX, SETTINGS, Configuration, Setting, read

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of the configuration."""

    file: Path | None
    options: dict[str, str]

    def read(self, folder: Path | None) -> Configuration:
        """Return the configuration of the node in ``folder``.

        Raises:
            Misconfigured: a key or a value is wrong.
        """
        return read(folder, os.environ, file=self.file, options=self.options)


def configured(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--config`` and an option for each setting; it gets them as ``given``."""

    @functools.wraps(function)
    def wrapped(*args: Any, config_file: Path | None, **kwargs: Any) -> R:
        options = {
            setting.name: kwargs.pop(_parameter(setting)) for setting in SETTINGS if _has(setting)
        }
        said = {name: text for name, text in options.items() if text is not None}
        return function(*args, given=Given(config_file, said), **kwargs)

    command: Callable[..., R] = wrapped
    for setting in reversed(SETTINGS):
        if _has(setting):
            command = _option(setting)(command)
    return click.option(
        "--config",
        "config_file",
        envvar=f"{PREFIX}CONFIG",
        type=click.Path(dir_okay=False, path_type=Path),
        help=f"Settings file read instead of FOLDER/{FILE}.",
    )(command)


def _has(setting: Setting) -> bool:
    """Whether it is an option: secrets are not, others would see them in the list of processes."""
    return not setting.secret


def _parameter(setting: Setting) -> str:
    return "set_" + setting.name.replace(".", "_")


def _option(setting: Setting) -> Callable[[Callable[..., R]], Callable[..., R]]:
    return click.option(
        setting.option, _parameter(setting), metavar=setting.kind.upper(), help=setting.help
    )
