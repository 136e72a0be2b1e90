# SPDX-License-Identifier: Apache-2.0
"""Commands that use a ledger, against a running node: what they print, how they end."""

import json
import re
from pathlib import Path

import pytest
from tests.e2e.cli_site import MEMBER, Site, run

from hanse.apps._world.identifiers import gln
from hanse.codec.base64url import to_text
from hanse_verify.__main__ import main as independent

ABSENT = to_text(bytes(32))


def test_the_ledger_is_shown_with_what_was_verified_of_it(site: Site) -> None:
    shown = site.json("ledger")
    assert shown["ledger"] == site.ledger
    assert shown["verified_log_size"] >= 1
    assert (shown["network"], shown["members"]) == ("pilot", 2)


def test_a_ledger_trusted_on_first_use_is_said_to_be_so(site: Site) -> None:
    first = site.run("ledger", trust=False)
    assert first.exit_code == 0
    assert "--trust" in first.stderr
    assert "--trust" not in site.run("ledger").stderr


def test_another_ledger_than_the_trusted_one_is_corrupt(site: Site) -> None:
    shown = run("ledger", "--url", site.url, "--trust", ABSENT)
    assert shown.exit_code == 3
    assert "another_ledger" in shown.stderr


def test_a_node_that_does_not_answer_is_misconfigured() -> None:
    shown = run("ledger", "--url", "http://127.0.0.1:1", "--json")
    assert shown.exit_code == 4
    assert json.loads(shown.stdout)["code"] == "not_reachable"


def test_memory_is_kept_between_runs(site: Site, tmp_path: Path) -> None:
    site.open_account("memory1")
    assert site.run("ledger", "--memory", tmp_path / "seen").exit_code == 0
    kept = json.loads((tmp_path / "seen" / f"{site.ledger}.json").read_text("utf-8"))
    assert site.ledger in kept["newest"]
    site.open_account("memory2")
    assert site.run("ledger", "--memory", tmp_path / "seen").exit_code == 0


# transactions


def test_a_transaction_is_sent_proved_and_shown(site: Site) -> None:
    tx = site.open_account("shown")
    found = site.json("tx", "show", tx)
    assert found["verified"] is True
    assert found["receipt"]["tx"] == tx
    assert found["transaction"]["body"]["args"]["account"] == "shown"
    plain = site.run("tx", "show", tx).stdout
    assert "smallbank.create_account" in plain
    assert f"{site.url}/transactions/{tx}" in plain


def test_a_refused_transaction_ends_with_1_and_says_why(site: Site) -> None:
    site.open_account("twice")
    args = {"account": "twice", "checking": 1, "savings": 1}
    refused = site.submit("create_account", args, code=1)
    assert refused["code"] == "already_exists"
    why = site.json("tx", "why", refused["tx"])
    assert why["code"] == "already_exists"
    assert why["remedy"]
    assert "create_account" in why["clause"]
    assert site.run("tx", "why", refused["tx"]).stdout.startswith("code    already_exists\n")


def test_a_dry_run_records_nothing(site: Site) -> None:
    height = site.json("ledger")["height"]
    args = {"account": "dry", "checking": 1, "savings": 1}
    would = site.submit("create_account", args, "--dry-run")
    assert (would["dry_run"], would["status"]) == (True, "ok")
    assert site.json("ledger")["height"] == height
    wrong = site.submit("create_account", {}, "--dry-run", code=1)
    assert wrong["code"] == "bad_argument"


def test_a_key_of_another_member_is_refused_with_the_nodes_own_words(site: Site) -> None:
    command = ("tx", "submit", "smallbank", "create_account", "--cost-max", "1000")
    shown = site.run(*command, "--as", "bob@acme", "--key", site.key())
    assert shown.exit_code == 1
    assert shown.stderr.startswith("bad_signature: The signature does not fit the bytes.")
    assert "fact_" not in shown.stderr
    problem = site.json(*command, "--as", "bob@acme", "--key", site.key(), code=1)
    assert problem["code"] == "bad_signature"
    assert problem["signer"] == "bob@acme"


def test_a_transaction_that_is_not_there_is_refused(site: Site) -> None:
    for verb in ("show", "why"):
        assert site.json("tx", verb, ABSENT, code=1)["code"] == "not_found"
    assert site.json("tx", "show", "nonsense", code=1)["code"] == "malformed"


@pytest.mark.parametrize("args", ["[]", "{", "@absent.json"])
def test_arguments_that_are_no_object_are_wrong_usage(site: Site, args: str) -> None:
    command = ("tx", "submit", "smallbank", "create_account", "--args", args)
    assert site.run(*command, "--as", MEMBER, "--key", site.key()).exit_code == 2
    assert site.run(*command).exit_code == 2


def test_a_transaction_is_executed_again_on_its_exact_state(site: Site) -> None:
    site.open_account("from1")
    site.open_account("to1")
    args = {"amount_minor": 7, "source": "from1", "target": "to1"}
    tx = site.submit("send_payment", args)["tx"]
    options = ("--dir", site.folder, "--app", "hanse.testing.smallbank")
    found = site.json("tx", "replay", tx, *options)
    assert found["agrees"] is True
    before = {r["entry"]: r["value"] for r in found["reads"] if r["contract"] == "smallbank"}
    after = {w["entry"]: w["value"] for w in found["writes"]}
    assert before['accounts["from1"]']["checking"] == 100
    assert after['accounts["from1"]']["checking"] == 93
    assert after['accounts["to1"]']["checking"] == 107
    assert found["computed"]["cost"] == found["receipt"]["cost"]
    assert "byte for byte" in site.run("tx", "replay", tx, *options).stdout
    refused = site.submit("send_payment", {**args, "amount_minor": 10**6}, code=1)["tx"]
    said = site.run("tx", "replay", refused, *options).stdout
    assert re.search(r"insufficient_amount at smallbank.py:\d+ send_payment", said)
    assert site.json("tx", "replay", ABSENT, *options, code=1)["code"] == "not_found"


# contracts and state


def test_contracts_are_listed_and_described(site: Site) -> None:
    assert "smallbank" in {row["name"] for row in site.json("contract", "list")}
    found = site.json("contract", "show", "smallbank")
    assert "send_payment" in {action["name"] for action in found["actions"]}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", found["lowered"])
    plain = site.run("contract", "show", "smallbank").stdout
    assert "send_payment(" in plain
    assert "refuses with:" in plain
    assert "class SmallBank" in site.run("contract", "show", "smallbank", "--source").stdout
    assert site.json("contract", "show", "nothing", code=1)["code"] == "not_found"


def test_a_query_is_answered_and_a_wrong_one_refused(site: Site) -> None:
    site.open_account("asked")
    found = site.json("query", "smallbank", "balance", "--args", '{"account":"asked"}')
    assert found["height"] >= 1
    assert found["result"] is not None
    assert site.json("query", "smallbank", "nothing", code=1)["code"] == "not_found"
    absent = site.json("query", "smallbank", "balance", "--args", '{"account":"no"}', code=1)
    assert absent["code"] == "not_found"


def test_a_state_value_is_proved_present_or_absent(site: Site) -> None:
    site.open_account("valued")
    found = site.json("state", "smallbank", "accounts", "valued")
    assert (found["present"], found["verified"]) == (True, True)
    assert found["value"]["checking"] == 100
    assert site.json("state", "smallbank", "accounts", "nobody")["present"] is False
    keys = site.json("state", "registry", "keys", f'["{MEMBER}","k1"]')
    assert keys["value"]["purpose"] == "signing"
    assert site.json("state", "smallbank", "nothing", "x", code=1)["code"] == "malformed"
    assert site.run("state", "smallbank", "accounts", '{"a":1}').exit_code == 2


# proofs


def test_evidence_is_exported_and_both_verifiers_accept_it(site: Site, tmp_path: Path) -> None:
    tx = site.open_account("proved")
    site.cosign()
    file = tmp_path / "evidence.json"
    made = site.json("proof", "export", tx, "-o", file)
    assert made["verdict"] == "valid"
    assert site.json("verify", "--trust", site.ledger, file)["claim"]["tx"] == tx
    assert site.json("verify", file, code=5)["verdict"] == "unknown_issuer"
    assert independent(["--trust", site.ledger, str(file)]) == 0
    file.write_bytes(file.read_bytes().replace(b'"proved"', b'"PROVED"'))
    assert site.json("verify", "--trust", site.ledger, file, code=1)["verdict"] == "not_valid"


def test_evidence_of_a_state_value_is_valid_under_a_checkpoint(site: Site, tmp_path: Path) -> None:
    site.open_account("certain")
    site.cosign()
    file, note = tmp_path / "value.json", tmp_path / "today.note"
    options = ("--state", "smallbank", "accounts", "certain", "-o", file)
    assert site.json("proof", "export", *options)["verdict"] == "valid"
    assert site.json("checkpoint", "--cosigned", "-o", note)["witnesses"] == ["northgate"]
    assert site.json("verify", "--trust", note, file)["claim"]["present"] is True
    assert site.run("proof", "export", "-o", file).exit_code == 2


def test_a_file_that_cannot_be_written_is_misconfigured(site: Site, tmp_path: Path) -> None:
    tx = site.open_account("unwritten")
    site.cosign()
    target = tmp_path / "absent" / "evidence.json"
    assert site.json("proof", "export", tx, "-o", target, code=4)["code"] == "file_unusable"


def test_a_checkpoint_is_a_signed_note(site: Site) -> None:
    shown = site.run("checkpoint")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"hanse/{site.ledger}\n")
    assert site.json("checkpoint")["ledger"] == site.ledger


def test_a_witness_cosigns_and_a_stranger_may_not(site: Site, tmp_path: Path) -> None:
    site.open_account("witnessed")
    assert site.cosign()["log_size"] == site.json("checkpoint", "--cosigned")["log_size"]
    run("key", "new", tmp_path / "stranger.key")
    options = ("--name", "northgate", "--key", tmp_path / "stranger.key")
    state = ("--state", tmp_path / "state.json", "--trust", site.ledger)
    refused = site.json("witness", "--once", *options, *state, code=4)
    assert refused["code"] == "witness_state_unusable"


# documents


def _observation(site: Site, place: str) -> bytes:
    event = {
        "type": "ObjectEvent",
        "eventTime": "2026-01-05T08:00:00.000Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "bizStep": "inspecting",
        "epcList": [],
        "readPoint": {"id": place},
        "bizLocation": {"id": place},
    }
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-05T08:00:00.000Z",
        "epcisBody": {"eventList": [event]},
    }
    return json.dumps(document, indent=1).encode()


def test_a_document_is_imported_and_comes_back_byte_for_byte(site: Site, tmp_path: Path) -> None:
    number = gln("9521101", 1)
    signing = ("--as", MEMBER, "--key", site.key())
    args = json.dumps({"gln": number, "kind": "farm", "name": "Farm"})
    site.json("tx", "submit", "trace", "register_location", "--args", args, *signing)
    file = tmp_path / "seen.json"
    file.write_bytes(_observation(site, f"https://id.gs1.org/414/{number}"))
    checked = site.json("import", "epcis", file, *signing, "--dry-run")
    assert checked["actions"] == 1
    made = site.json("import", "epcis", file, *signing)
    assert made["recorded"] == 1
    back = tmp_path / "back.json"
    assert site.json("export", made["digest"], "-o", back)["bytes"] == len(file.read_bytes())
    assert back.read_bytes() == file.read_bytes()
    again = site.json("import", "epcis", file, *signing, code=1)
    assert again["outcomes"][0]["code"] == "already_exists"


def test_what_is_no_document_of_the_standard_is_not_put_on_the_ledger(
    site: Site, tmp_path: Path
) -> None:
    signing = ("--as", MEMBER, "--key", site.key())
    height = site.json("ledger")["height"]
    file = tmp_path / "no.json"
    file.write_text("hello", "utf-8")
    refused = site.json("import", "epcis", file, *signing, code=1)
    assert refused["code"] == "document_refused"
    assert refused["findings"]
    assert "FATAL" in site.run("import", "epcis", file, *signing).stdout
    assert site.json("import", "nothing", file, *signing, code=1)["code"] == "not_found"
    assert site.json("export", ABSENT, "-o", file, code=1)["code"] == "not_found"
    assert site.json("ledger")["height"] == height


def test_the_history_of_an_entry_has_every_version_and_its_transaction(site: Site) -> None:
    opened = site.open_account("aged")
    paid = site.submit("deposit_checking", {"account": "aged", "amount_minor": 5})
    options = ("--dir", site.folder, "--app", "hanse.testing.smallbank")
    command = ("history", "smallbank", "accounts", "aged", *options)
    found = site.json(*command)
    assert [v["value"]["checking"] for v in found["versions"]] == [100, 105]
    assert [v["tx"] for v in found["versions"]] == [opened, paid["tx"]]
    assert [v["action"] for v in found["versions"]] == ["create_account", "deposit_checking"]
    first, second = (v["height"] for v in found["versions"])
    assert second == paid["height"]
    early = site.json(*command, "--at", first)
    assert [v["value"]["checking"] for v in early["versions"]] == [100]
    assert early["height"] == first
    assert '"checking":105' in site.run(*command, "--at", second).stdout
    assert "never there" in site.run(*command, "--at", first - 1).stdout


def test_the_history_of_the_registry_begins_with_genesis(site: Site) -> None:
    options = ("--dir", site.folder, "--app", "hanse.testing.smallbank", "--at", 0)
    found = site.json("history", "registry", "members", "bob@acme", *options)
    assert [(v["height"], v["tx"]) for v in found["versions"]] == [(0, None)]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (("nothing", "accounts", "x"), "not_found"),
        (("smallbank", "nothing", "x"), "malformed"),
        (("smallbank", "accounts", "7"), "malformed"),
        (("smallbank", "accounts", "x", "--at", "999999"), "not_found"),
    ],
)
def test_a_history_of_nothing_has_a_code(site: Site, entry: tuple[str, ...], code: str) -> None:
    options = ("--dir", site.folder, "--app", "hanse.testing.smallbank")
    assert site.json("history", *entry, *options, code=1)["code"] == code


# several signatures, gathered in a file


def draft(site: Site, file: Path, account: str) -> None:
    args = json.dumps({"account": account, "checking": 1, "savings": 0})
    command = ("tx", "draft", "smallbank", "create_account", "--args", args, "-o", file)
    made = site.json(*command, "--as", MEMBER, "--key", site.key(), "--with", "bob@acme")
    assert (made["signers"], made["file"]) == ([MEMBER], str(file))
    assert made["body"]["ledger"] == site.ledger


def test_a_draft_is_signed_by_two_and_sent_by_anybody(site: Site, tmp_path: Path) -> None:
    file, signed = tmp_path / "a.tx", tmp_path / "b.tx"
    draft(site, file, "jointly")
    bob = ("--as", "bob@acme", "--key", site.key("bob@acme"))
    made = site.json("tx", "sign", file, "-o", signed, *bob)
    assert made["signers"] == [MEMBER, "bob@acme"]
    sent = site.json("tx", "send", signed)
    assert (sent["status"], sent["verified"]) == ("ok", True)
    shown = site.json("tx", "show", sent["tx"])
    assert [s["signer"] for s in shown["transaction"]["signatures"]] == [MEMBER, "bob@acme"]
    again = site.run("tx", "sign", signed, *bob, "--json")
    assert (again.exit_code, json.loads(again.stdout)["code"]) == (1, "malformed")


def test_a_draft_that_was_changed_after_signing_is_not_admitted(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "a.tx"
    draft(site, file, "changed")
    file.write_bytes(file.read_bytes().replace(b'"checking":1,', b'"checking":9,'))
    assert site.json("tx", "send", file, code=1)["code"] == "bad_signature"
    command = ("tx", "sign", file, "--as", "bob@acme", "--key", site.key("bob@acme"))
    assert site.json(*command)["signers"] == [MEMBER, "bob@acme"]
    assert site.json("tx", "send", file, code=1)["code"] == "bad_signature"


def test_a_draft_for_another_ledger_is_neither_signed_nor_sent(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "a.tx"
    draft(site, file, "elsewhere")
    other = file.read_bytes().replace(site.ledger.encode(), ABSENT.encode())
    file.write_bytes(other)
    command = ("tx", "sign", file, "--as", MEMBER, "--key", site.key(), "--key-id", "k2")
    assert site.json(*command, code=3)["code"] == "another_ledger"
    assert site.json("tx", "send", file, code=3)["code"] == "another_ledger"
    assert file.read_bytes() == other
