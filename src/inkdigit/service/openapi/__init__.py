"""The OpenAPI document at /openapi.json: Inkdigit's own API and the two protocols, with the limits that are set."""

from __future__ import annotations

from importlib.metadata import version

from inkdigit.service.openapi import digits, protocols, read
from inkdigit.service.openapi.parts import DIGITS, HEALTH, INFERENCE, PAGES, TENSORFLOW, Json
from inkdigit.service.settings import ServiceSettings

TAGS = {
    DIGITS: "Inkdigit's own API, for pictures of one digit each.",
    PAGES: "Inkdigit's own API, for photos, scans and drawings with lines of digits.",
    TENSORFLOW: "The REST API of TensorFlow Serving, whose clients find the model under the name `digits`.",
    INFERENCE: "Version 2, as KServe and Triton implement it, with Triton's binary tensors.",
    HEALTH: "For monitoring.",
}
KEYS = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


def document(settings: ServiceSettings) -> Json:
    """The OpenAPI 3.1 document of a server with these settings. It says whether the server asks for keys."""
    components: Json = {"schemas": digits.schemas(settings) | read.schemas() | protocols.schemas()}
    content: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Inkdigit", "version": version("inkdigit"), "description": _description(settings)},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": digits.paths() | read.paths() | protocols.paths(),
        "components": components,
    }
    if settings.api_key_file:
        content["security"] = [{name: []} for name in KEYS]
        components["securitySchemes"] = KEYS
    return content


def _description(settings: ServiceSettings) -> str:
    return (
        "Reads handwritten digits. Pixels of 28×28 go to the model as they are, ink bright on dark as in MNIST; a "
        "picture of any size and colour is prepared first: cropped, scaled and centred like MNIST's digits.\n\n"
        f"A request has at most {settings.max_images} images (`max_images`) and {settings.max_body} MiB "
        f"(`max_body`), a picture {settings.max_pixels} million pixels (`max_pixels`). A request may take "
        f"{settings.read_timeout:g} seconds to arrive (`read_timeout`), and is answered within {settings.deadline:g} "
        f"(`deadline`), one to read pages within {settings.read_deadline:g} (`read_deadline`). At most "
        f"{settings.max_queue} images wait at a time (`max_queue`), and {settings.max_reads} requests to read pages "
        f"(`max_reads`). A file may take {settings.read_memory} MiB of memory (`read_memory`)."
    )
