# SPDX-License-Identifier: Apache-2.0
"""A setting comes from the last source that names it, and a wrong one is named with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.node.checks import faults
from hanse.node.settings import (
    BY_NAME,
    OTHER_VARIABLES,
    SETTINGS,
    Configuration,
    ConfigurationUnreadable,
    Setting,
    SettingInvalid,
    SettingUnknown,
    read,
    unknown_variables,
)


def configured(folder: Path, text: str = "", **environment: str) -> Configuration:
    (folder / "hanse.toml").write_text(text, "utf-8")
    return read(folder, environment)


def test_a_later_source_wins_and_says_that_it_did(tmp_path: Path) -> None:
    text = 'port = 1\nhost = "::1"\n[log]\nlevel = "debug"\n'
    (tmp_path / "hanse.toml").write_text(text, "utf-8")
    found = read(tmp_path, {"HANSE_PORT": "2", "HANSE_HOST": "localhost"}, options={"port": "3"})
    assert (found.number("port"), found.origin("port")) == (3, "--port")
    assert (found.text("host"), found.origin("host")) == ("localhost", "HANSE_HOST")
    assert found.text("log.level") == "debug"
    assert found.origin("log.level") == str(tmp_path / "hanse.toml")
    assert (found.text("log.format"), found.origin("log.format")) == ("text", "default")


def test_without_a_file_everything_is_as_the_table_says(tmp_path: Path) -> None:
    for found in (read(tmp_path, {}), read(None, {})):
        assert {n: v.value for n, v in found.values.items()} == {
            s.name: s.default for s in SETTINGS
        }
    assert list(faults(read(tmp_path, {}), tmp_path)) == []


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingUnknown) as caught:
        configured(tmp_path, "prot = 1")
    assert (caught.value.name, caught.value.nearest) == ("prot", "port")
    with pytest.raises(SettingUnknown) as caught:
        configured(tmp_path, "[log]\nlevle = 'info'")
    assert caught.value.nearest == "log.level"
    with pytest.raises(SettingUnknown):
        configured(tmp_path, "[port]\nnumber = 1")
    with pytest.raises(SettingInvalid):
        configured(tmp_path, "[log.level]\ninfo = true")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "port = -1"),
        ("port", "port = 65536"),
        ("port", "port = true"),
        ("port", "port = '80x'"),
        ("host", "host = 1"),
        ("host", 'host = "a\\nb"'),
        ("hosts", "hosts = [1]"),
        ("log.level", "[log]\nlevel = 'loud'"),
        ("tls.elsewhere", "[tls]\nelsewhere = 1"),
        ("limits.block_age_s", "[limits]\nblock_age_s = 0"),
        ("passphrase", "passphrase = 'x'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(SettingInvalid) as caught:
        configured(tmp_path, text)
    assert caught.value.name == name
    assert caught.value.at == str(tmp_path / "hanse.toml")


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind == "number"], ids=str)
def test_bounds_hold_at_the_last_value_and_one_beyond(setting: Setting) -> None:
    found = BY_NAME[setting.name]
    for value in (found.low, found.high):
        assert read(None, {found.variable: str(value)}).number(found.name) == value
    for value in (found.low - 1, found.high + 1):
        with pytest.raises(SettingInvalid):
            read(None, {found.variable: str(value)})


def test_what_is_no_toml_or_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationUnreadable):
        configured(tmp_path, "port = ")
    with pytest.raises(ConfigurationUnreadable):
        read(tmp_path, {}, file=tmp_path / "none.toml")
    (tmp_path / "hanse.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationUnreadable):
        read(tmp_path, {})


def test_paths_are_taken_from_where_they_are_written(tmp_path: Path) -> None:
    found = configured(tmp_path, "[backup]\nfolder = 'kept'")
    assert found.path("backup.folder") == tmp_path / "kept"
    assert read(None, {"HANSE_BACKUP_FOLDER": "kept"}).path("backup.folder") == Path.cwd() / "kept"
    assert read(None, {"HANSE_BACKUP_FOLDER": ""}).path("backup.folder") is None


def test_a_secret_is_not_shown_and_comes_from_environment_or_a_file(tmp_path: Path) -> None:
    found = read(None, {"HANSE_PASSPHRASE": "canary"})
    assert found.passphrase() == "canary"
    assert found.values["passphrase"].shown == "(set)"
    (tmp_path / "word").write_text("from a file\nsecond line\n", "utf-8")
    found = read(None, {"HANSE_PASSPHRASE_FILE": str(tmp_path / "word")})
    assert found.passphrase() == "from a file"
    found = read(None, {"HANSE_PASSPHRASE_FILE": str(tmp_path / "none")})
    with pytest.raises(SettingInvalid):
        found.passphrase()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("host = '0.0.0.0'", "host"),
        ("[tls]\ncertificate = 'hanse.toml'", "tls.key"),
        ("[tls]\ncertificate = 'none.pem'\nkey = 'none.pem'", "tls.certificate"),
        ("[engine]\np2p = 'nowhere'", "engine.p2p"),
        ("[engine]\npersistent_peers = ['abc@host:1']", "engine.persistent_peers"),
        ("[engine]\nmetrics = '10.0.0.1:26660'", "engine.metrics"),
        ("[backup]\nfolder = 'none'", "backup.folder"),
        ("[backup]\nfolder = '.'", "backup.folder"),
        ("passphrase_file = 'hanse.toml'", "passphrase_file"),  # others can read it
    ],
)
def test_settings_that_do_not_fit_are_found_before_a_start(
    tmp_path: Path, text: str, name: str
) -> None:
    (tmp_path / "hanse.toml").touch(0o644)
    found = list(faults(configured(tmp_path, text), tmp_path))
    assert name in [f.name for f in found]


def test_settings_that_fit_pass(tmp_path: Path) -> None:
    peer = "ab" * 20 + "@other.example:26656"
    text = (
        f"host = '0.0.0.0'\n[tls]\nelsewhere = true\n[engine]\np2p = '[::]:26656'\n"
        f"persistent_peers = ['{peer}']\nmetrics = '127.0.0.1:26660'\n"
    )
    assert list(faults(configured(tmp_path, text), tmp_path)) == []


def test_every_setting_has_its_own_variable_option_and_help() -> None:
    assert len({s.variable for s in SETTINGS} | set(OTHER_VARIABLES)) == len(SETTINGS) + len(
        OTHER_VARIABLES
    )
    assert len({s.option for s in SETTINGS}) == len(SETTINGS)
    assert all(s.help.endswith(".") for s in SETTINGS)


def test_a_variable_with_a_slip_is_noticed() -> None:
    found = list(unknown_variables({"HANSE_PROT": "1", "HANSE_PORT": "1", "PATH": "x"}))
    assert found == [("HANSE_PROT", "HANSE_PORT")]


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_of_a_variable_is_a_value_or_a_coded_refusal(text: str) -> None:
    for setting in SETTINGS:
        place = setting.variable
        try:
            place = read(None, {place: text}).origin(setting.name)
        except SettingInvalid as refused:
            place = refused.at if refused.name == setting.name else ""
        assert place == setting.variable
