"""The page to draw on, the documentation, and the files they are made of."""

from __future__ import annotations

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPES_BY_ENDING = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}


def routes(openapi: bytes) -> list[Route]:
    """A route for each file under web/, read once; / is index.html, /docs is docs.html. None needs a key.

    Args:
        openapi: the OpenAPI document, as JSON.
    """
    files: dict[str, Response] = {}
    for part in (resources.files("inkdigit.service") / "web").iterdir():
        kind = MEDIA_TYPES_BY_ENDING.get(part.name.rpartition(".")[2])
        if kind:
            files[part.name] = Response(part.read_bytes(), headers=HEADERS, media_type=kind)
    description = Response(openapi, media_type="application/json")

    def file(name: str) -> Route:
        async def answer(_: Request) -> Response:
            return files[name]

        path = {"index.html": "/", "docs.html": "/docs", "favicon.svg": "/favicon.ico"}.get(name, f"/web/{name}")
        return Route(path, answer)

    async def describe(_: Request) -> Response:
        return description

    return [Route("/openapi.json", describe), *(file(name) for name in sorted(files))]
