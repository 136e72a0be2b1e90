# SPDX-License-Identifier: Apache-2.0
"""Pages as text, over a real node: what they show, in three languages, and what they refuse."""

import gzip
import json
import re
from types import SimpleNamespace

import pytest
from console_site import HOSTILE, Site

PARCEL = {"grams": "12", "id": "P1", "kind": "box", "to": "beta"}
ACTION = "/contracts/parcels/actions/send"


@pytest.fixture(scope="module")
def tx(site: Site) -> str:
    page = site.post(ACTION, {**PARCEL, "do": "send", "marks": "a\nb", "fragile": "true"})
    assert page.status == 303, page.words
    return page.header("location").split("/")[2].split("?")[0]


@pytest.fixture(scope="module")
def refused(site: Site, tx: str) -> str:
    page = site.post(ACTION, {**PARCEL, "do": "send"})
    assert page.status == 303, page.words
    return page.header("location").split("/")[2].split("?")[0]


def test_a_sent_form_ends_at_its_verified_receipt(site: Site, tx: str) -> None:
    page = site.get(f"/transactions/{tx}")
    assert "Acme Ltd sent parcel P1 of 12 g to Beta <b>GmbH</b>" in page.words
    assert "insured over 10.50 EUR" in page.words
    assert "Verified at height 1" in page.words
    assert '<a href="/organisations/acme"' in page.text


def test_a_refusal_is_explained_and_not_shown_as_an_error(site: Site, refused: str) -> None:
    page = site.get(f"/transactions/{refused}")
    assert page.status == 200
    assert "Why it was refused" in page.words
    assert "already_exists" in page.words
    assert 'class="chip refused"' in page.text
    assert 'class="notice bad"' not in page.text


def test_the_overview_shows_head_rows_and_who_takes_part(site: Site, tx: str) -> None:
    page = site.get("/")
    assert "Checkpoint verified" in page.words
    assert "2 organisations keep this shared record." in page.words
    assert "Acme Ltd sent parcel P1" in page.words
    assert re.search(r"Transactions\s+\d", page.words)
    assert "trusted on first use" not in page.words


@pytest.mark.parametrize(
    ("language", "html", "words"),
    [
        ("en", "en", "What just happened"),
        ("zh-CN", "zh-Hans", "最新动态"),
        ("es-MX", "es", "Lo que"),
    ],
)
def test_the_browser_chooses_the_language(site: Site, language: str, html: str, words: str) -> None:
    site.cookies.clear()
    page = site.get("/", accept_language=language)
    assert f'<html lang="{html}"' in page.text
    assert words in page.words


def test_the_address_chooses_the_language_and_a_cookie_keeps_it(site: Site) -> None:
    assert '<html lang="es"' in site.get("/blocks?lang=es").text
    assert '<html lang="es"' in site.get("/blocks", accept_language="zh").text
    assert '<html lang="en"' in site.get("/blocks?lang=en").text


def test_every_page_answers_in_every_language(site: Site, tx: str) -> None:
    pages = [
        *("/", "/blocks", "/blocks/1", f"/transactions/{tx}", f"/transactions/{tx}/proof"),
        *("/organisations", "/organisations/acme", "/contracts", "/contracts/parcels", ACTION),
        *("/contracts/parcels/queries/held", "/apps", "/apps/parcels", "/apps/parcels/held"),
        *("/apps/parcels/log", "/apps/parcels/way?parcel=P1&run=1", "/documents", "/v"),
        *("/search", "/search?q=acm", "/settings", "/console/patterns"),
    ]
    for path in pages:
        for language in ("es", "zh-Hans", "en"):
            page = site.get(f"{path}{'&' if '?' in path else '?'}lang={language}")
            assert page.status == 200, (path, language, page.words[:300])
            assert page.text.count("<h1") == 1, path
            assert "Undefined" not in page.text, path
            left = re.findall(r"\{[a-z_]+\}", re.sub(r"(?s)<pre.*?</pre>", "", page.text))
            assert [one for one in left if one not in _SENTENCE_SLOTS] == [], path


_SENTENCE_SLOTS = {"{frm}", "{id}", "{grams}", "{to}"}  # the contract page shows the template


def test_hostile_text_is_shown_and_never_obeyed(site: Site, tx: str) -> None:
    page = site.post(ACTION, {**PARCEL, "id": HOSTILE, "do": "send"})
    shown = site.get(page.header("location")).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert "\\u{202E}gnp" in shown
    assert "<b>GmbH" not in shown


def test_checking_a_form_sends_nothing(site: Site, tx: str) -> None:
    before = site.service.status()["height"]
    page = site.post(ACTION, {**PARCEL, "id": "P2", "do": "check"})
    assert "The contract would accept this on the current state." in page.words
    assert "State keys written" in page.words
    assert '"id": "P2"' in page.words
    assert site.service.status()["height"] == before


def test_a_check_says_which_refusal_would_come(site: Site, tx: str) -> None:
    page = site.post(ACTION, {**PARCEL, "grams": "0", "id": "P9", "do": "check"})
    assert "too_light" in page.words
    assert "would refuse" in page.words


def test_wrong_fields_are_named_and_what_was_entered_stays(site: Site) -> None:
    page = site.post(ACTION, {"grams": "many", "id": "P3", "kind": "", "to": "beta", "do": "send"})
    assert page.status == 422
    assert "2 fields need your attention" in page.words
    assert 'aria-invalid="true"' in page.text
    assert 'value="many"' in page.text
    assert 'aria-describedby="f-grams-help f-grams-error"' in page.text


def test_forms_show_help_units_and_choices_in_declared_order(site: Site) -> None:
    text = site.get(ACTION).text
    names = re.findall(r'<(?:input|select|textarea) id="f-([a-z-]+)"', text)
    assert names[:4] == ["id", "to", "grams", "kind"]
    assert set(names[4:]) == {"due", "fragile", "marks", "place-city", "place-dock"}
    assert "as printed on the label." in text
    assert "<option>letter</option>" in text
    assert 'type="date"' in text
    assert 'list="known-organisations"' in text


def test_the_proof_page_draws_the_path_and_passes_six_steps(site: Site, tx: str) -> None:
    page = site.get(f"/transactions/{tx}/proof")
    assert page.text.count('class="passed"') == 6
    assert "<svg" in page.text
    assert 'class="verdict ok"' in page.text
    assert f"hanse-verify --trust {site.ledger}" in page.words


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("receipt", "Inclusion"),
        ("argument", "Signature"),
        ("signature", "Signature"),
        ("path", "Inclusion"),
        ("root", "Inclusion"),
    ],
)
def test_an_altered_copy_fails_at_the_step_that_notices(
    site: Site, tx: str, what: str, step: str
) -> None:
    page = site.get(f"/transactions/{tx}/proof?alter={what}")
    assert 'class="verdict bad"' in page.text
    assert f"The step that failed: {step}." in page.words


def test_evidence_is_a_download_that_the_verify_page_accepts(site: Site, tx: str) -> None:
    file = site.get(f"/transactions/{tx}/evidence")
    assert file.header("content-disposition").startswith("attachment;")
    assert json.loads(file.body)["kind"] == "record"
    good = site.upload("/v", {"trust": site.ledger}, file.body)
    assert 'class="verdict ok"' in good.text
    bare = site.upload("/v", {"trust": ""}, file.body)
    assert "Unknown issuer" in bare.words
    other = site.upload("/v", {"trust": "A" * 43}, file.body)
    assert "The step that failed: Finality." in other.words
    broken = site.upload("/v", {"trust": site.ledger}, file.body.replace(b"P1", b"P7"))
    assert 'class="verdict bad"' in broken.text
    assert site.upload("/v", {"trust": site.ledger}, b"").status == 400


def test_a_panel_shows_a_table_or_a_graph_with_the_same_data_beneath(site: Site, tx: str) -> None:
    table = site.get("/apps/parcels/held")
    assert re.search(r"<th[^>]*>holder</th>", table.text)
    graph = site.get("/apps/parcels/way?parcel=P1&run=1")
    assert '<svg class="graph"' in graph.text
    assert "The same graph as a table" in graph.words
    assert 'href="/apps/parcels/way?parcel=beta&amp;run=1"' in graph.text
    assert site.get("/apps/parcels/new").header("location") == ACTION


def test_a_query_that_refuses_says_so(site: Site) -> None:
    page = site.get("/contracts/parcels/queries/way?parcel=none&run=1")
    assert "not_found" in page.words


def test_a_document_is_checked_then_signed_and_sent_once(site: Site, tx: str) -> None:
    bad = site.upload("/documents", {"format": "note", "do": "check"}, b"not one word!")
    assert "Refused" in bad.words
    assert "/0" in bad.words
    good = site.upload("/documents", {"format": "note", "do": "check"}, b"N77")
    assert "1 action would be sent" in good.words
    sent = site.post("/documents", {"do": "send"})
    assert "1 action sent" in sent.words
    assert "Sign and send" not in sent.words
    again = site.post("/documents", {"do": "send"})
    assert again.status == 409
    assert "file_gone" in again.words


def test_search_opens_what_matches_exactly(site: Site, tx: str) -> None:
    assert site.get("/search?q=1").header("location") == "/blocks/1"
    assert site.get(f"/search?q={tx}").header("location") == f"/transactions/{tx}"
    assert site.get("/search?q=ada%40acme").header("location") == "/organisations/acme#ada"
    assert "The way of a parcel: P1" in site.get("/search?q=P1").words
    assert site.get("/search?q=too_light").header("location") == ACTION
    assert "parcels.send" in site.get("/search?q=sen").words
    assert "Nothing found" in site.get("/search?q=zzzz").words
    assert "evidence file" in site.get("/search?q=%7B%22v%22%3A1%7D").words


def test_what_is_not_there_gets_a_page_of_its_own(site: Site) -> None:
    for path in ("/nope", "/blocks/999", "/organisations/zz", "/apps/zz", "/contracts/zz"):
        page = site.get(path)
        assert page.status == 404, path
        assert "Not found" in page.words


def test_a_lying_node_is_not_believed(site: Site, tx: str) -> None:
    honest = site.get("/blocks/1").words
    lie = SimpleNamespace(status=200, content_type="application/json", body=b'{"forged":1}')
    site.transport.broken["/v1/transactions/"] = lie
    try:
        page = site.get(f"/transactions/{tx}")
    finally:
        site.transport.broken.clear()
    assert page.status == 502
    assert "answer_invalid" in page.words
    assert "P1" not in page.words.replace(tx, "")
    assert site.get("/blocks/1").words == honest


def test_a_node_that_is_away_gives_a_page_with_its_code(site: Site) -> None:
    away = SimpleNamespace(status=503, content_type="text/plain", body=b"")
    site.transport.broken["/v1/"] = away
    try:
        page = site.get("/blocks")
    finally:
        site.transport.broken.clear()
    assert page.status == 503
    assert "node_failed" in page.words


def test_the_feed_sends_rows_whose_id_is_the_height(site: Site, tx: str) -> None:
    shown = site.run(site.service.feed(0).__anext__())
    data = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    block = f"id: {shown['height']}\nevent: block\ndata: {data}\n\n".encode()
    site.transport.broken["stream"] = [block, b'event: gap\ndata: {"skipped":12}\n\n']
    try:
        page = site.get("/console/feed?from=0")
    finally:
        site.transport.broken.clear()
    assert page.header("content-type").startswith("text/event-stream")
    assert f"event: row\nid: {shown['height']}\ndata: <tr" in page.text
    assert "12 blocks skipped" in page.text
    assert page.header("content-encoding") == ""


def test_the_first_page_keeps_its_budget(site: Site) -> None:
    home = site.get("/")
    paths = re.findall(r'(?:src|href)="(/console/static/[^"]+)"', home.text)
    files = [home.body, *(site.get(path).body for path in paths)]
    assert len(files) <= 8
    assert sum(len(gzip.compress(data)) for data in files) <= 60 * 1024
    assert len(site.get(paths[0]).body) <= 25 * 1024
    script = next(path for path in paths if path.endswith(".js"))
    assert len(site.get(script).body) <= 4 * 1024
    assert "immutable" in site.get(script).header("cache-control")
