# SPDX-License-Identifier: Apache-2.0
"""The engine's home: said once, kept, and never a second sign state."""

import hashlib
import json
import stat
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from hanse.codec.limits import SOCKET_PATH_BYTES_MAX
from hanse.crypto.signers import from_private
from hanse.engines.cometbft.configuration import (
    Settings,
    StateSync,
    Timeouts,
    configuration_toml,
    socket_folder,
)
from hanse.engines.cometbft.errors import EngineHomeInvalid, SignStateMissing
from hanse.engines.cometbft.home import (
    EngineGenesis,
    EngineValidator,
    Keys,
    address_of,
    node_id,
    write_home,
)

SEVEN = from_private("ed25519-sha256", b"\x07" * 32)
EIGHT = from_private("ed25519-sha256", b"\x08" * 32)
SETTINGS = Settings("node1", Path("/s/a"), Path("/s/r"), peers=("ab@127.0.0.1:1", "cd@h:2"))
GENESIS = EngineGenesis(
    "ledger", 1_764_510_000_123, (EngineValidator(SEVEN.public_key, 10, "node1"),)
)
KEYS = Keys(node=EIGHT, voting=SEVEN)


def test_a_new_home_has_all_that_cometbft_reads_for_the_owner_only(tmp_path: Path) -> None:
    home = write_home(tmp_path / "home", GENESIS, SETTINGS, KEYS)
    files = [home.configuration, home.genesis, home.node_key, home.voting_key, home.sign_state]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 5
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert sorted(home.path.rglob("*.tmp")) == []
    document = json.loads(home.genesis.read_bytes())
    assert document["chain_id"] == "ledger"
    assert document["genesis_time"] == "2025-11-30T13:40:00.123Z"
    assert document["validators"][0]["address"] == address_of(SEVEN.public_key).hex().upper()
    assert json.loads(home.sign_state.read_bytes()) == {"height": "0", "round": 0, "step": 0}


def test_names_are_the_first_twenty_bytes_of_the_hash_of_the_key() -> None:
    assert node_id(SEVEN.public_key) == hashlib.sha256(SEVEN.public_key).hexdigest()[:40]


def test_a_second_start_changes_the_configuration_only(tmp_path: Path) -> None:
    home = write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    home.sign_state.write_text('{"height":"7","round":0,"step":3}')
    kept = [home.genesis, home.node_key, home.voting_key, home.sign_state]
    before = [file.read_bytes() for file in kept]
    write_home(tmp_path, GENESIS, replace(SETTINGS, moniker="other"), KEYS)
    assert [file.read_bytes() for file in kept] == before
    assert 'moniker = "other"' in home.configuration.read_text()


@pytest.mark.parametrize(
    ("genesis", "keys"),
    [
        (replace(GENESIS, chain_id="another"), KEYS),
        (replace(GENESIS, block_bytes_max=1), KEYS),
        (GENESIS, replace(KEYS, voting=EIGHT)),
        (GENESIS, replace(KEYS, node=SEVEN)),
    ],
)
def test_another_genesis_or_key_is_refused(
    tmp_path: Path, genesis: EngineGenesis, keys: Keys
) -> None:
    home = write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    before = {file: file.read_bytes() for file in home.path.rglob("*") if file.is_file()}
    with pytest.raises(EngineHomeInvalid):
        write_home(tmp_path, genesis, SETTINGS, keys)
    assert before == {file: file.read_bytes() for file in before}


@pytest.mark.parametrize("lost", ["state", "state and key"])
def test_a_lost_sign_state_is_not_begun_anew_unless_told_to(tmp_path: Path, lost: str) -> None:
    home = write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    home.blocks.mkdir()
    home.sign_state.unlink()
    if lost == "state and key":
        home.voting_key.unlink()
    with pytest.raises(SignStateMissing):
        write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    assert not home.sign_state.exists()
    write_home(tmp_path, GENESIS, SETTINGS, KEYS, begin_sign_state=True)
    assert home.sign_state.exists()


def test_a_start_that_broke_off_is_repeated(tmp_path: Path) -> None:
    home = write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    home.voting_key.unlink()  # as if it ended between the two
    write_home(tmp_path, GENESIS, SETTINGS, KEYS)
    assert home.voting_key.exists()


def test_the_configuration_keeps_the_rules_of_the_engine() -> None:
    tables = tomllib.loads(configuration_toml(SETTINGS))
    assert tables["mempool"]["type"] == "app"
    assert tables["blocksync"]["adaptive_sync"] is False
    assert tables["consensus"]["double_sign_check_height"] == 0
    assert tables["consensus"]["create_empty_blocks"] is True
    assert tables["consensus"]["create_empty_blocks_interval"] == "500ms"
    assert tables["rpc"]["laddr"] == "unix:///s/r"
    assert tables["proxy_app"] == "unix:///s/a"
    assert tables["p2p"]["pex"] is False
    assert tables["p2p"]["addr_book_strict"] is True
    assert tables["p2p"]["allow_duplicate_ip"] is False
    assert tables["p2p"]["persistent_peers"] == "ab@127.0.0.1:1,cd@h:2"
    assert tables["p2p"]["unconditional_peer_ids"] == "ab,cd"
    assert tables["instrumentation"] == {"prometheus": False}
    assert "statesync" not in tables


def test_what_an_operator_chooses_arrives_in_the_configuration() -> None:
    sync = StateSync(("http://127.0.0.1:1", "http://127.0.0.1:2"), 7, "ab" * 32)
    chosen = replace(
        SETTINGS,
        moniker='a "name"\n',
        on_loopback=True,
        metrics_listen="127.0.0.1:26660",
        double_sign_check_height=10,
        timeouts=Timeouts(commit_ms=100),
        state_sync=sync,
    )
    tables = tomllib.loads(configuration_toml(chosen))
    assert tables["moniker"] == 'a "name"\n'
    assert tables["p2p"]["allow_duplicate_ip"] is True
    assert tables["instrumentation"]["prometheus_listen_addr"] == "127.0.0.1:26660"
    assert tables["consensus"]["double_sign_check_height"] == 10
    assert tables["consensus"]["timeout_commit"] == "100ms"
    assert tables["consensus"]["skip_timeout_commit"] is True
    assert tables["statesync"]["rpc_servers"] == "http://127.0.0.1:1,http://127.0.0.1:2"
    assert tables["statesync"]["trust_period"] == "168h"


def test_sockets_go_where_their_paths_are_short_enough(tmp_path: Path) -> None:
    room = SOCKET_PATH_BYTES_MAX - len("/abci.sock") - len(str(tmp_path)) - 1
    fits, long = tmp_path / ("x" * room), tmp_path / ("x" * (room + 1))
    assert socket_folder(fits) == fits
    assert stat.S_IMODE(fits.stat().st_mode) == 0o700
    short = socket_folder(long)
    try:
        assert len(str(short)) < 50
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
        assert not long.exists()
    finally:
        short.rmdir()
