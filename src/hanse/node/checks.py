# SPDX-License-Identifier: Apache-2.0
"""What must hold between settings, and between them and the machine, before a node runs."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hanse.node.settings import LOOPBACK, Configuration, SettingInvalid


def verify_settings(settings: Configuration, folder: Path | None) -> None:
    """Establish that the settings fit one another and this machine.

    Raises:
        SettingInvalid: the first that does not.
    """
    for fault in faults(settings, folder):
        raise fault


def faults(settings: Configuration, folder: Path | None) -> Iterator[SettingInvalid]:
    """Yield what is wrong, in the order of the settings."""
    plain = settings.path("tls.certificate") is None
    if settings.text("host") not in LOOPBACK and plain and not settings.switch("tls.elsewhere"):
        reason = "beyond loopback TLS is needed: set tls.certificate and tls.key, or tls.elsewhere"
        yield settings.invalid("host", reason)
    yield from _files(settings)
    yield from _engine(settings)
    backups = settings.path("backup.folder")
    if backups is not None:
        if not backups.is_dir():
            yield settings.invalid("backup.folder", "there is no such folder")
        elif folder is not None and backups.resolve().is_relative_to(folder.resolve()):
            yield settings.invalid("backup.folder", "it lies in the node's own folder")


def _files(settings: Configuration) -> Iterator[SettingInvalid]:
    for name, other in (("tls.certificate", "tls.key"), ("tls.key", "tls.certificate")):
        path = settings.path(name)
        if path is None and settings.path(other) is not None:
            yield settings.invalid(name, f"{other} needs it")
        elif path is not None and not path.is_file():
            yield settings.invalid(name, "there is no such file")
    for name in ("passphrase_file", "tls.key"):
        path = settings.path(name)
        if path is not None and path.is_file():
            if _is_exposed(path):
                yield settings.invalid(name, f"others can read it: chmod 600 {path}")
        elif path is not None and name == "passphrase_file":
            yield settings.invalid(name, "there is no such file")


def _is_exposed(path: Path) -> bool:
    """Whether others can read it; a file of root's may be read by the node's own group.

    That is how systemd and Kubernetes hand out secrets.
    """
    found = path.stat()
    handed = found.st_uid == 0 and os.geteuid() != 0
    return bool(found.st_mode & (stat.S_IRWXO if handed else stat.S_IRWXG | stat.S_IRWXO))


def _engine(settings: Configuration) -> Iterator[SettingInvalid]:
    if not _is_address(settings.text("engine.p2p")):
        yield settings.invalid("engine.p2p", "HOST:PORT is needed")
    external = settings.find_text("engine.external")
    if external is not None and not _is_address(external):
        yield settings.invalid("engine.external", "HOST:PORT is needed")
    for peer in settings.list("engine.persistent_peers"):
        number, at, address = peer.partition("@")
        is_id = len(number) == 40 and not set(number) - set("0123456789abcdef")
        if not (at and is_id and _is_address(address)):
            reason = "ID@HOST:PORT is needed, the id in 40 hexadecimal digits"
            yield settings.invalid("engine.persistent_peers", reason)
    figures = settings.find_text("engine.metrics")
    if figures is not None:
        if not _is_address(figures):
            yield settings.invalid("engine.metrics", "HOST:PORT is needed")
        elif figures.rpartition(":")[0].strip("[]") not in LOOPBACK:
            yield settings.invalid("engine.metrics", "the engine's figures stay on loopback")


def _is_address(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(host and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65_536)
