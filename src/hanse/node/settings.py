# SPDX-License-Identifier: Apache-2.0
"""How a node runs: one table of settings, read from ``hanse.toml``, environment and options.

A later source wins: defaults, the file, ``HANSE_*`` variables, options. What the node *is* (its
ledger, name and key) stands in its folder; what all nodes agree on stands in the genesis.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeAlias

from hanse.codec.limits import REQUESTS_PER_SECOND
from hanse.errors import Misconfigured

FILE: Final = "hanse.toml"
PREFIX: Final = "HANSE_"
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Kind = Literal["text", "number", "path", "list", "switch"]
Plain: TypeAlias = str | int | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that an operator may set."""

    name: str  # the key in the file, its table before the dot
    kind: Kind
    default: Plain
    help: str
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    secret: bool = False  # never in the file, in options, in logs or on a screen

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace(".", "-").replace("_", "-")


def _number(name: str, default: int, low: int, high: int, text: str) -> Setting:
    return Setting(name, "number", default, text, low, high)


SETTINGS: Final = (
    Setting("host", "text", "127.0.0.1", "Address that the gateway listens at."),
    _number("port", 8420, 0, 65_535, "Its port; 0 takes a free one."),
    Setting("hosts", "list", [], "Names, beside the loopback ones, under which it is reached."),
    Setting("passphrase", "text", None, "Opens the node's sealed key file.", secret=True),
    Setting("passphrase_file", "path", None, "File whose first line is the passphrase."),
    Setting("log.level", "text", "info", "The least level written.",
            choices=("debug", "info", "warning", "error")),
    Setting("log.format", "text", "text", "Lines to read, or one JSON object a line.",
            choices=("text", "json")),
    Setting("tls.certificate", "path", None, "PEM file with the certificate chain."),
    Setting("tls.key", "path", None, "PEM file with its private key, for the owner only."),
    Setting("tls.elsewhere", "switch", False, "A proxy before the node speaks TLS for it."),
    Setting("engine.p2p", "text", "127.0.0.1:26656",
            "CometBFT ledgers: address at which the engine meets others."),
    Setting("engine.external", "text", None,
            "CometBFT ledgers: address that others reach that one by, where it differs."),
    Setting("engine.persistent_peers", "list", [],
            "CometBFT ledgers: peers to stay in touch with, each ID@HOST:PORT."),
    Setting("engine.metrics", "text", None,
            "Address at which the engine shows its figures, merged into /metrics; loopback."),
    Setting("backup.folder", "path", None, "Where backups go; their age becomes a figure."),
    _number("limits.requests_per_second", REQUESTS_PER_SECOND, 1, 1_000_000,
            "Requests of one client address."),
    _number("limits.disk_free_mib", 512, 16, 1_048_576,
            "Free MiB of disk below which the node is not ready."),
    _number("limits.block_age_s", 30, 1, 86_400,
            "Seconds without a block, while transactions wait, after which it is not ready."),
)  # fmt: skip
BY_NAME: Final = {setting.name: setting for setting in SETTINGS}

OTHER_VARIABLES: Final = {
    "HANSE_CONFIG": "Settings file read instead of `hanse.toml` in the node's folder.",
    "HANSE_URL": "Address of the node that commands ask; by default `http://127.0.0.1:8420`.",
    "HANSE_TRUST": "Trust anchor of commands: the ledger id, or a file with a checkpoint.",
    "HANSE_MEMORY": "Folder in which commands remember checkpoints, to notice a rewritten history.",
    "HANSE_MEMBER": "Who signs: `name@organisation`.",
    "HANSE_KEY": "The key file of who signs; `HANSE_PASSPHRASE` opens a sealed one, too.",
    "HANSE_COMETBFT": "The CometBFT program to start; by default that of `make cometbft`.",
    "HANSE_VECTORS": "Folder of public test data, for `hanse conformance` and the tests' judges.",
    "HANSE_BACKUP_PASSPHRASE": "Seals a backup, and opens it again.",
    "NO_COLOR": "No colours.",
}


@dataclass(eq=False)
class SettingUnknown(Misconfigured):
    """There is no setting of this name."""

    name: str
    at: str
    nearest: str
    code: ClassVar[str] = "setting_unknown"
    hint: ClassVar[str] = "Use the nearest name, or remove it; `hanse config show` lists all."


@dataclass(eq=False)
class SettingInvalid(Misconfigured):
    """A setting has a value that it cannot have, or does not fit another."""

    name: str
    at: str
    reason: str
    code: ClassVar[str] = "setting_invalid"
    hint: ClassVar[str] = "Change it there; `hanse config show --origin` says where a value is set."


@dataclass(eq=False)
class ConfigurationUnreadable(Misconfigured):
    """The configuration file is not there, or is not TOML."""

    path: str
    reason: str
    code: ClassVar[str] = "configuration_unreadable"
    hint: ClassVar[str] = "Mend the file, or name another with --config."


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting is, and where that was said."""

    setting: Setting
    value: Plain
    origin: str  # "default", or the file, the variable, the option

    @property
    def shown(self) -> Plain:
        """The value as it may be seen."""
        return "(set)" if self.setting.secret and self.value is not None else self.value


class Configuration:
    """Every setting with its value; made by :func:`read`."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = dict(values)

    def origin(self, name: str) -> str:
        """Return where the value of ``name`` was set."""
        return self.values[name].origin

    def find_text(self, name: str) -> str | None:
        """Return a text, ``None`` when it is not set."""
        value = self.values[name].value
        assert value is None or isinstance(value, str)
        return value

    def text(self, name: str) -> str:
        """Return a text that has a default."""
        value = self.find_text(name)
        assert value is not None
        return value

    def number(self, name: str) -> int:
        """Return a number."""
        value = self.values[name].value
        assert isinstance(value, int)
        return value

    def switch(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.values[name].value is True

    def list(self, name: str) -> tuple[str, ...]:
        """Return the items of a list."""
        value = self.values[name].value
        assert isinstance(value, list)
        return tuple(value)

    def path(self, name: str) -> Path | None:
        """Return a path, ``None`` when it is not set."""
        value = self.find_text(name)
        return None if value is None else Path(value)

    def passphrase(self) -> str | None:
        """Return the passphrase of the node's key, from the environment or its own file.

        Raises:
            SettingInvalid: the file cannot be read.
        """
        given = self.find_text("passphrase")
        file = self.path("passphrase_file")
        if given is not None or file is None:
            return given
        try:
            return file.read_text(encoding="utf-8").partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise self.invalid("passphrase_file", f"unreadable: {type(error).__name__}") from None

    def invalid(self, name: str, reason: str) -> SettingInvalid:
        """Return the error that says why the value of ``name`` will not do."""
        return SettingInvalid(name, self.origin(name), reason)


def read(
    folder: Path | None,
    environment: Mapping[str, str],
    *,
    file: Path | None = None,
    options: Mapping[str, str] | None = None,
) -> Configuration:
    """Return the configuration of the node in ``folder``, every value of its kind and in bounds.

    Args:
        folder: holds ``hanse.toml``, if there is one.
        environment: the process's variables.
        file: read instead; it must be there.
        options: what the command line says, by setting.

    Raises:
        ConfigurationUnreadable: no such file, or not TOML.
        SettingUnknown: the file has a key that is no setting.
        SettingInvalid: a value of another kind, out of bounds, or a secret in the file.
    """
    values = {s.name: Value(s, s.default, "default") for s in SETTINGS}
    source = file or (None if folder is None else folder / FILE)
    if source is not None and (file is not None or source.exists()):
        for name, given in _from_file(source):
            values[name] = _value(BY_NAME[name], given, str(source), source.parent)
    here = Path()
    for setting in SETTINGS:
        if (text := environment.get(setting.variable)) is not None:
            values[setting.name] = _value(setting, text, setting.variable, here)
    for name, text in (options or {}).items():
        values[name] = _value(BY_NAME[name], text, BY_NAME[name].option, here)
    return Configuration(values)


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that look like ours and are not, each with the nearest that is."""
    known = [*OTHER_VARIABLES, *(s.variable for s in SETTINGS)]
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            yield name, _nearest(name, known)


def _nearest(name: str, known: list[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, 1, 0.5)), "")


def _from_file(path: Path) -> Iterator[tuple[str, object]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationUnreadable(str(path), str(error)) from None
    flat = {
        f"{table}.{key}" if key else table: value
        for table, held in document.items()
        for key, value in (held.items() if isinstance(held, dict) else [("", held)])
    }
    for name, value in flat.items():
        if name not in BY_NAME:
            raise SettingUnknown(name, str(path), _nearest(name, list(BY_NAME)))
        if BY_NAME[name].secret:
            reason = f"a secret does not belong in a file: use {BY_NAME[name].variable}"
            raise SettingInvalid(name, str(path), reason)
        yield name, value


def _value(setting: Setting, given: object, origin: str, beside: Path) -> Value:
    """Return ``given`` as the setting's kind; a relative path is taken from ``beside``."""
    try:
        return Value(setting, _READERS[setting.kind](setting, given, beside), origin)
    except ValueError as error:
        raise SettingInvalid(setting.name, origin, str(error)) from None


def _read_text(setting: Setting, given: object, _beside: Path) -> Plain:
    if not isinstance(given, str):
        raise ValueError("a text is needed")  # noqa: TRY004 - one kind of fault for the caller
    if setting.choices and given not in setting.choices:
        raise ValueError(f"one of {', '.join(setting.choices)} is needed")
    if any(ord(c) < 32 for c in given):
        raise ValueError("it holds a control character")
    return given or None if setting.default is None else given


def _read_number(setting: Setting, given: object, _beside: Path) -> Plain:
    wanted = f"a whole number from {setting.low} to {setting.high} is needed"
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 19:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool):
        raise ValueError(wanted)  # noqa: TRY004 - one kind of fault for the caller
    if not setting.low <= given <= setting.high:
        raise ValueError(wanted)
    return given


def _read_switch(_setting: Setting, given: object, _beside: Path) -> Plain:
    if isinstance(given, str):
        given = {"true": True, "1": True, "false": False, "0": False}.get(given.lower())
    if not isinstance(given, bool):
        raise ValueError("true or false is needed")  # noqa: TRY004 - the same
    return given


def _read_list(_setting: Setting, given: object, _beside: Path) -> Plain:
    if isinstance(given, str):
        given = [item for item in given.split(",") if item]
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ValueError("a list of texts is needed")
    return [item.strip() for item in given]


def _read_path(setting: Setting, given: object, beside: Path) -> Plain:
    text = _read_text(setting, given, beside)
    return None if text is None else str((beside / str(text)).absolute())


_READERS: Final = {
    "text": _read_text,
    "number": _read_number,
    "switch": _read_switch,
    "list": _read_list,
    "path": _read_path,
}
