# SPDX-License-Identifier: Apache-2.0
"""Forged forms, hostile text, and the policy that every answer carries."""

import re
from importlib import resources

import pytest
from console_site import Site

from hanse.console.display import is_mixed_script, visible, web_link
from hanse.console.security import SESSIONS_MAX, Sessions
from hanse.console.upload import parse_multipart
from hanse.errors import Malformed

TEMPLATES = resources.files("hanse.console") / "templates"
FORM = {"lang": "es", "next": "/settings"}


def test_templates_hold_no_inline_script_or_style() -> None:
    names = [file for file in TEMPLATES.iterdir() if file.name.endswith(".html")]
    assert len(names) > 15
    for file in names:
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), file.name
        assert not re.search(r"""<style|\sstyle=|\son[a-z]+=["']""", text), file.name
        assert "| safe" not in text, file.name


def test_every_answer_carries_the_policy(site: Site) -> None:
    for path in ("/", "/nope", "/console/patterns", "/v"):
        page = site.get(path)
        policy = page.header("content-security-policy")
        assert "default-src 'none'" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert page.header("x-content-type-options") == "nosniff"
        assert page.header("cache-control") == "no-store"


def test_the_session_cookie_is_out_of_reach_of_scripts(site: Site) -> None:
    site.cookies.clear()
    cookies = [value for name, value in site.get("/").headers if name == "set-cookie"]
    (session,) = [value for value in cookies if value.startswith("hanse_session=")]
    assert "HttpOnly" in session
    assert "SameSite=lax" in session


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_a_form_of_another_site_is_refused(site: Site, headers: dict[str, str]) -> None:
    page = site.post("/settings", FORM, **headers)
    assert page.status == 403
    assert "forged_request" in page.words


def test_a_form_without_the_token_is_refused(site: Site) -> None:
    assert site.post("/settings", FORM, token=False).status == 403
    assert site.post("/settings", {**FORM, "csrf": "x" * 43}).status == 403


def test_our_own_form_is_accepted_with_the_headers_that_browsers_send(site: Site) -> None:
    own = {"origin": "http://127.0.0.1:8420", "sec_fetch_site": "same-origin"}
    assert site.post("/settings", {"theme": "dark"}, **own).status == 303
    assert 'data-theme="dark"' in site.get("/").text
    site.post("/settings", {"theme": "system", "lang": "en"})


def test_going_back_never_leaves_the_console(site: Site) -> None:
    for address in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        assert site.post("/settings", {"next": address}).header("location") == "/"


def test_only_a_member_whose_key_is_here_can_be_viewed_as(site: Site) -> None:
    site.post("/view-as", {"member": "bob@beta"})
    assert "ada@acme" in site.get("/").words
    assert 'value="bob@beta"' not in site.get("/").text


def test_sessions_are_bounded_and_a_stranger_gets_a_new_one() -> None:
    sessions = Sessions()
    first = sessions.open(None)
    assert sessions.open(first.id) is first
    assert sessions.open("guess").id != "guess"
    for _ in range(SESSIONS_MAX):
        sessions.open(None)
    assert sessions.open(first.id) is not first


@pytest.mark.parametrize("middle", ["\u202e", "\u200b", "\x00", "\x1b", "\ufeff", "\u2066"])
def test_control_and_bidirectional_characters_are_shown_as_escapes(middle: str) -> None:
    assert visible(f"a{middle}b") == f"a\\u{{{ord(middle):04X}}}b"


def test_ordinary_text_is_left_alone() -> None:
    for text in ("Zoë 绿野农场 año\nline\tend", "עברית", "日本"):
        assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://example.org/a", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//example.org", False),
        ("https://exa\u202emple.org", False),
        ("http://[", False),
        (7, False),
    ],
)
def test_only_web_addresses_become_links(text: object, good: bool) -> None:
    assert (web_link(text) is not None) is good


def test_names_of_mixed_alphabets_are_flagged() -> None:
    assert is_mixed_script("Acme \u0410cme")
    assert not is_mixed_script("Acme 绿野 GmbH")


def test_a_file_keeps_its_exact_bytes() -> None:
    data = bytes(range(256)) + b"\r\n--X\r\n\n"
    head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    form = parse_multipart(head + data + b"\r\n--XX--\r\n", "multipart/form-data; boundary=XX")
    assert form.files["file"].data == data


@pytest.mark.parametrize("body", [b"", b"--XX", b"--XX\r\nno head", b"--XX\r\n\r\n\r\nx\r\n--XX--"])
def test_a_broken_multipart_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_multipart(body, "multipart/form-data; boundary=XX")
