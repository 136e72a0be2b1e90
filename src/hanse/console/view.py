# SPDX-License-Identifier: Apache-2.0
"""The console's parts held together, and one reader's view: language, theme, session, templates."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hanse.codec.limits import BODY_BYTES_MAX
from hanse.console import display
from hanse.console.catalogue import LANGUAGE_NAMES, Catalogue, choose_language
from hanse.console.held import HeldFiles
from hanse.console.ledger import Directory, Ledger, Record, refusal_code
from hanse.console.security import (
    Session,
    Sessions,
    cookie_name,
    set_cookie,
    verify_origin,
    verify_token,
)
from hanse.console.sentences import Words
from hanse.console.upload import Form, read_form
from hanse.contracts.app import App
from hanse.errors import HanseError

THEMES: Final = ("system", "light", "dark")
DENSITIES: Final = ("compact", "roomy")
CACHE_SECONDS: Final = 5.0  # names and descriptions change only with a block; pages may lag so long
CACHE_ENTRIES_MAX: Final = 256
BLOCKS_KEPT: Final = 512  # digests of proved blocks
LINES: Final = 3  # records of one block whose sentences a row shows


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file with the hash that its address carries."""

    data: bytes
    media_type: str
    address: str


def load_assets() -> dict[str, Asset]:
    """Return the style sheet and the script, each under an address that changes with its bytes."""
    assets = {}
    for name, media_type in (
        ("console.css", "text/css; charset=utf-8"),
        ("console.js", "text/javascript; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
    ):
        data = (resources.files("hanse.console") / "static" / name).read_bytes()
        stem, _, suffix = name.rpartition(".")
        digest = hashlib.sha256(data).hexdigest()[:12]
        assets[name] = Asset(data, media_type, f"/console/static/{stem}.{digest}.{suffix}")
    return assets


@dataclass(frozen=True, slots=True)
class BlockDigest:
    """What a row shows of a block: counts, and its first records."""

    transactions: int
    refused: int
    first: tuple[Record, ...]


@dataclass(slots=True)
class Console:
    """Everything that pages share: the ledger's client, signers, apps, words, sessions."""

    ledger: Ledger
    apps: tuple[App, ...]
    catalogue: Catalogue
    sessions: Sessions = field(default_factory=Sessions)
    held: HeldFiles = field(default_factory=HeldFiles)
    assets: dict[str, Asset] = field(default_factory=load_assets)
    _cache: dict[str, tuple[float, Any]] = field(default_factory=dict)
    _blocks: OrderedDict[int, BlockDigest] = field(default_factory=OrderedDict)

    async def block_digest(self, height: int) -> BlockDigest:
        """Return what a row shows of a block, from its proved records; blocks never change."""
        if height not in self._blocks:
            records = await self.ledger.block(height)
            refused = sum(record.is_refused for record in records)
            self._blocks[height] = BlockDigest(len(records), refused, tuple(records[:LINES]))
            while len(self._blocks) > BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return self._blocks[height]

    async def cached(self, path: str) -> Any:
        """Return the answer of ``path``, at most a few seconds old."""
        now = time.monotonic()
        found = self._cache.get(path)
        if found and now - found[0] < CACHE_SECONDS:
            return found[1]
        answer = await self.ledger.get(path)
        if len(self._cache) >= CACHE_ENTRIES_MAX:
            self._cache.clear()
        self._cache[path] = (now, answer)
        return answer

    async def directory(self) -> Directory:
        """Return the names that the registry knows; none while the node cannot be asked."""
        try:
            return Directory(tuple(await self.cached("/v1/organisations")))
        except HanseError:
            return Directory()

    async def describe(self, contract: str) -> Mapping[str, Any]:
        """Return the description of a contract."""
        answer = await self.cached(f"/v1/contracts/{quote(contract, safe='')}")
        return answer if isinstance(answer, Mapping) else {}

    async def describe_all(self, contracts: set[str]) -> dict[str, Mapping[str, Any]]:
        """Return the descriptions of several contracts; those that cannot be had are left empty."""
        found: dict[str, Mapping[str, Any]] = {}
        for contract in sorted(contracts):
            try:
                found[contract] = await self.describe(contract)
            except HanseError:
                found[contract] = {}
        return found


def build_templates() -> jinja2.Environment:
    """Return the template environment: everything escaped, every string made visible."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hanse.console", "templates"),
        autoescape=True,
        undefined=jinja2.Undefined,  # fields of receipts and descriptions are optional
        finalize=display.finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        short=display.short,
        when=display.when,
        utc=display.utc,
        pretty=display.pretty,
        canonical=display.canonical,
    )
    environment.globals.update(
        url=display.path,
        web_link=display.web_link,
        attrs=display.attributes,
        is_mixed_script=display.is_mixed_script,
        refusal_code=refusal_code,
        language_names=LANGUAGE_NAMES,
        themes=THEMES,
        densities=DENSITIES,
    )
    return environment


TEMPLATES: Final = build_templates()


class View:
    """One request of one reader."""

    def __init__(self, console: Console, request: Request) -> None:
        self.console = console
        self.request = request
        asked = request.query_params.get("lang")
        cookies = request.cookies
        self.language = choose_language(
            asked, cookies.get("hanse_lang"), request.headers.get("accept-language")
        )
        self.remember_language = asked is not None
        theme, density = cookies.get("hanse_theme", ""), cookies.get("hanse_density", "")
        self.theme = theme if theme in THEMES else "system"
        self.density = density if density in DENSITIES else "compact"
        self.session: Session = console.sessions.open(cookies.get(cookie_name(request)))
        self.words = Words(console.catalogue, self.language, Directory())
        self.form = Form()

    async def prepare(self) -> None:
        """Fetch the names that every page uses."""
        self.words = Words(self.console.catalogue, self.language, await self.console.directory())

    async def read_form(self, bytes_max: int = BODY_BYTES_MAX) -> Form:
        """Return the submitted form, after the checks against forged requests."""
        verify_origin(self.request)
        self.form = await read_form(self.request, bytes_max)
        verify_token(self.session, self.form.first("csrf"))
        return self.form

    @property
    def member(self) -> str | None:
        """As whom this reader looks and signs: the chosen member of the wallet, or the first."""
        wallet = self.console.ledger.signers
        if self.session.member in wallet:
            return self.session.member
        return next(iter(sorted(wallet)), None)

    def t(self, key: str, **values: object) -> str:
        """Return a text in the reader's language."""
        return self.words.say(key, **values)

    def render(self, template: str, status: int = 200, /, **data: Any) -> Response:
        """Return the page that ``template`` makes of ``data``."""
        query = [(k, v) for k, v in self.request.query_params.multi_items() if k != "lang"]
        html = TEMPLATES.get_template(template).render(
            t=self.t,
            view=self,
            words=self.words,
            language=self.language,
            theme=self.theme,
            density=self.density,
            member=self.member,
            members=sorted(self.console.ledger.signers),
            directory=self.words.directory,
            assets=self.console.assets,
            csrf=self.session.token,
            here=self.request.url.path,
            here_query="".join(f"&{quote(k, safe='')}={quote(v, safe='')}" for k, v in query[:20]),
            number=self.number,
            apps=self.console.apps,
            **data,
        )
        return self.finish(HTMLResponse(html, status_code=status))

    def number(self, value: object) -> str | Markup:
        """Return a number grouped for the reader."""
        return self.words.part(value).text if type(value) is int else Markup("&ndash;")

    def finish(self, response: Response) -> Response:
        """Add the cookies that this view changed, and keep pages out of shared caches."""
        if self.session.fresh:
            set_cookie(response, self.request, cookie_name(self.request), self.session.id)
            self.session.fresh = False
        if self.remember_language:
            set_cookie(response, self.request, "hanse_lang", self.language)
            self.remember_language = False
        response.headers.setdefault("cache-control", "no-store")
        return response

    def redirect(self, address: str) -> Response:
        """Send the reader to another page of this console."""
        local = (
            address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"
        )
        return self.finish(RedirectResponse(local, status_code=303))
