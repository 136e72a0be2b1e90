# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share: which node, whom to trust, who signs."""

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from hanse.cli.output import DEFAULT_URL, load_signer
from hanse.client import Client
from hanse.client.note import parse_note
from hanse.client.sync import TIMEOUT_S
from hanse.errors import Rejected

R = TypeVar("R")

_LEDGER_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII).fullmatch
_is_dashed_value = re.compile(r"-(?:[A-Za-z0-9_-]{42}|[0-9]+)", re.ASCII).fullmatch


class ValueCommand(click.Command):
    """A command whose arguments may begin with a dash: one id in 64 does, and numbers below 0."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse ``args``; an id or a negative number among them is an argument, no option."""
        takes = {
            name: option.nargs
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        plain: list[str] = []
        dashed: list[str] = []
        rest = list(args)
        while rest and rest[0] != "--":
            arg = rest.pop(0)
            (dashed if _is_dashed_value(arg) else plain).append(arg)
            values = takes.get(arg, 0)
            plain += rest[:values]
            del rest[:values]
        if dashed:
            args = [*plain, "--", *dashed, *rest[1:]]
        return super().parse_args(ctx, args)


def read_anchor(text: str) -> str:
    """Return the ledger id that ``text`` is, or the checkpoint in the file of that name.

    Raises:
        BadParameter: it is neither.
    """
    if _LEDGER_ID(text):
        return text
    try:
        note = Path(text).read_text(encoding="utf-8")
        parse_note(note)
    except (OSError, UnicodeDecodeError, Rejected) as error:
        raise click.BadParameter(f"neither ledger id nor checkpoint file: {error}") from None
    return note


def ledger_of(anchor: str) -> str:
    """Return the ledger id that a trust anchor names."""
    return anchor if _LEDGER_ID(anchor) else parse_note(anchor).checkpoint.ledger


@dataclass(frozen=True, slots=True)
class Node:
    """Which node to ask, and what is trusted already."""

    url: str
    trust: str | None
    memory: Path | None

    @contextmanager
    def client(
        self, signing: "Signing | None" = None, *, timeout_s: int = TIMEOUT_S
    ) -> Iterator[Client]:
        """Yield a client of this node; it signs when ``signing`` says who."""
        client = Client(
            self.url,
            timeout_s=timeout_s,
            trust=None if self.trust is None else ledger_of(self.trust),
            state_dir=self.memory,
            member=None if signing is None else signing.member,
            signer=None if signing is None else load_signer(signing.key),
            key_id="k1" if signing is None else signing.key_id,
        )
        with client:
            yield client
            if client.trusted_on_first_use:
                named = client.genesis().ledger
                note = f"note: that it is ledger {named} is the node's word; pin it with --trust"
                click.echo(note, err=True)

    def page(self, *parts: str) -> str:
        """Return the console address of a thing."""
        return "/".join([self.url.rstrip("/"), *parts])


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, with which key."""

    member: str
    key: Path
    key_id: str


def on_node(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--url``, ``--trust`` and ``--memory``; it gets them as ``node``."""

    @click.option("--url", envvar="HANSE_URL", default=DEFAULT_URL, show_default=True)
    @click.option("--trust", envvar="HANSE_TRUST", help="Ledger id, or file with a checkpoint.")
    @click.option(
        "--memory",
        envvar="HANSE_MEMORY",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder that remembers checkpoints, so that a rewritten history is noticed.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, url: str, trust: str | None, memory: Path | None, **kwargs: Any) -> R:
        anchor = None if trust is None else read_anchor(trust)
        return function(*args, node=Node(url, anchor, memory), **kwargs)

    return wrapped


def signing(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command ``--as``, ``--key`` and ``--key-id``; it gets them as ``signer``."""

    @click.option("--as", "member", envvar="HANSE_MEMBER", required=True, help="name@organisation")
    @click.option(
        "--key",
        envvar="HANSE_KEY",
        required=True,
        type=click.Path(dir_okay=False, path_type=Path),
        help="Key file; HANSE_PASSPHRASE opens a sealed one.",
    )
    @click.option("--key-id", default="k1", show_default=True, help="The registry's name of it.")
    @functools.wraps(function)
    def wrapped(*args: Any, member: str, key: Path, key_id: str, **kwargs: Any) -> R:
        return function(*args, signer=Signing(member, key, key_id), **kwargs)

    return wrapped
