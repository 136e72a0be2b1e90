# SPDX-License-Identifier: Apache-2.0
"""The console as an ASGI application: which address shows which page, and what errors look like."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hanse.client import AsyncClient
from hanse.console.catalogue import Text, app_sentences, load_catalogue
from hanse.console.ledger import Ledger, Signers, refusal_code
from hanse.console.pages import apps, contracts, overview, records, registry, settings
from hanse.console.security import SecurityHeaders, Sessions
from hanse.console.view import Console, View
from hanse.contracts.app import App
from hanse.errors import HanseError

Page = Callable[[View], Awaitable[Response]]

PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "/", overview.overview),
    ("GET", "/console/feed", overview.feed),
    ("GET", "/blocks", overview.blocks),
    ("GET", "/blocks/{height:int}", overview.block),
    ("GET", "/transactions/{tx}", records.transaction),
    ("GET", "/transactions/{tx}/proof", records.proof),
    ("GET", "/transactions/{tx}/evidence", records.evidence),
    ("GET", "/organisations", registry.organisations),
    ("GET", "/organisations/{organisation}", registry.organisation),
    ("GET", "/search", registry.search),
    ("GET", "/contracts", contracts.contracts),
    ("GET", "/contracts/{contract}", contracts.contract),
    ("GET", "/contracts/{contract}/actions/{action}", contracts.action_form),
    ("POST", "/contracts/{contract}/actions/{action}", contracts.action_submit),
    ("GET", "/contracts/{contract}/queries/{query}", contracts.query),
    ("GET", "/apps", apps.apps),
    ("GET", "/apps/{app}", apps.app),
    ("GET", "/apps/{app}/{panel}", apps.panel),
    ("GET", "/documents", apps.documents),
    ("POST", "/documents", apps.documents_check),
    ("GET", "/v", records.verify_form),
    ("POST", "/v", records.verify_file),
    ("GET", "/settings", settings.settings),
    ("POST", "/settings", settings.settings_save),
    ("POST", "/view-as", settings.view_as),
    ("GET", "/console/patterns", settings.patterns),
)
YEAR_SECONDS = 365 * 24 * 3600


def build_console(
    client: AsyncClient,
    *,
    wallet: Signers | None = None,
    apps: tuple[App, ...] = (),
    sentences: Mapping[str, Mapping[str, Text]] | None = None,
    sessions: Sessions | None = None,
) -> ASGIApp:
    """Return the console of the ledger behind ``client``.

    Args:
        client: the verifying client; the console reaches the ledger by nothing else.
        wallet: member id → signer; with it, forms can be signed here and a bar switches the member.
        apps: the apps whose panels are shown.
        sentences: language → ``sentence.<contract>.<event>`` → the event's sentence in it.
        sessions: those of a console that this one follows.
    """
    words = app_sentences(apps)
    for language, table in (sentences or {}).items():
        words.setdefault(language, {}).update(table)
    ledger, catalogue = Ledger(client, wallet or {}), load_catalogue(words)
    console = Console(ledger, apps, catalogue, sessions or Sessions())
    routes = [
        Route(address, _endpoint(console, page), methods=[method])
        for method, address, page in PAGES
    ]
    routes.append(Route("/console/static/{name}", _static(console)))
    errors = {HTTPException: _http_error(console)}
    # the feed must not be compressed: a row would wait in the buffer
    middleware = [Middleware(SecurityHeaders), Middleware(GZipMiddleware, minimum_size=1024)]
    return Starlette(routes=routes, exception_handlers=errors, middleware=middleware)


def _endpoint(console: Console, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        view = View(console, request)
        try:
            await view.prepare()
            return view.finish(await page(view))
        except HanseError as error:
            return error_page(view, error)

    return endpoint


def error_page(view: View, error: HanseError) -> Response:
    """Return the page of a problem: what happened, the code, what to do next."""
    code = refusal_code(error)
    status = 404 if code.endswith("not_found") else error.status
    facts = {name: value for name, value in error.facts().items() if value and name != "refusal"}
    return view.render(
        "error.html", status, code=code, hint=error.hint, facts=facts, status_code=status
    )


def _http_error(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        view = View(console, request)
        await view.prepare()
        code = {404: "page_not_found", 405: "method_not_allowed"}.get(error.status_code, "error")
        facts: dict[str, str] = {}
        return view.render(
            "error.html",
            error.status_code,
            code=code,
            hint=view.t("error.search"),
            facts=facts,
            status_code=error.status_code,
        )

    return handler


def _static(console: Console) -> Callable[[Request], Awaitable[Response]]:
    by_address = {asset.address: asset for asset in console.assets.values()}

    async def static(request: Request) -> Response:
        asset = by_address.get(request.url.path)
        if asset is None:
            raise HTTPException(404)
        headers = {"cache-control": f"public, max-age={YEAR_SECONDS}, immutable"}
        return Response(asset.data, media_type=asset.media_type, headers=headers)

    return static
