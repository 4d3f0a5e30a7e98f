"""Parts of an OpenAPI document."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from inkdigit.service.problems import MEDIA_TYPE

JSON, BINARY = "application/json", "application/octet-stream"
DIGITS, PAGES, TENSORFLOW, INFERENCE, HEALTH = (
    "Digits",
    "Pages",
    "TensorFlow Serving",
    "Open Inference Protocol",
    "Health and metrics",
)
STATUS_MEANINGS = {
    400: "It is not of the type that it states, or not HTTP.",
    401: "It has no API key that the server knows.",
    404: "There is no such model or version.",
    408: "It did not arrive in time.",
    413: "It is too large, or has too many images.",
    415: "It is of a type that is not accepted, or compressed.",
    422: "Its content is not valid.",
    503: "Too many requests wait, or the server shuts down.",
    504: "There was no answer within the deadline.",
}
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait before another try"}}
BINARY_FILE = {"type": "string", "format": "binary"}
TEXT = {"type": "string"}
PROBABILITIES = [0.000092, 0.000101, 0.000096, 0.000121, 0.000154, 0.000088, 0.000067, 0.998948, 0.000131, 0.000202]

Json = dict[str, Any]


def seven() -> Image.Image:
    """A digit for examples, in MNIST's form."""
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).line([(7, 8), (20, 8), (12, 22)], fill=255, width=3)
    return image


def page() -> Image.Image:
    """Digits side by side, for examples: 717 on paper."""
    sheet = Image.new("L", (300, 100), 255)
    pen = ImageDraw.Draw(sheet)
    for left in (20, 200):
        pen.line([(left, 20), (left + 50, 20), (left + 20, 80)], fill=0, width=9)
    pen.line([(135, 20), (135, 80)], fill=0, width=9)
    return sheet


def pixels() -> list[list[int]]:
    """The 28×28 pixels of `seven`."""
    return np.asarray(seven()).tolist()


def png(image: Image.Image | None = None) -> bytes:
    """The PNG file of an image, by default of `seven`."""
    stream = io.BytesIO()
    (image or seven()).save(stream, "PNG")
    return stream.getvalue()


def reference(schema: str) -> Json:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{schema}"}


def object_schema(required: Sequence[str], **properties: Any) -> Json:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def array_schema(items: Json, **more: Any) -> Json:
    """The schema of a list."""
    return {"type": "array", "items": items, **more}


def files(kinds: Iterable[str]) -> Json:
    """The content of bodies with picture files: one file of these media types, or a form with several."""
    form = content("multipart/form-data", object_schema(["file"], file=array_schema(BINARY_FILE)))
    return {kind: {"schema": BINARY_FILE} for kind in kinds} | form


def content(kind: str, schema: Json, examples: Mapping[str, Any] | None = None) -> Json:
    """The content of a body of one media type. examples: by their titles."""
    titles = dict(enumerate(examples or {}))
    named = {f"example{place}": {"summary": title, "value": (examples or {})[title]} for place, title in titles.items()}
    return {kind: {"schema": schema} | ({"examples": named} if named else {})}


def operation(
    name: str, tag: str, summary: str, ok: Json, failures: Mapping[int, Json], *, description: str = "", **more: Any
) -> Json:
    """One operation.

    Args:
        name: its operationId.
        tag: the group that it is listed in.
        summary: a few words.
        ok: the content of a 200.
        failures: other responses by their status.
        description: more about it.
        more: parameters, requestBody or security.
    """
    responses = {"200": {"description": "OK", "content": ok}} | {
        str(status): failure for status, failure in failures.items()
    }
    about = {"description": description} if description else {}
    return {"operationId": name, "tags": [tag], "summary": summary, **about, **more, "responses": responses}


def problems(*statuses: int) -> dict[int, Json]:
    """Responses with problem details, by status."""
    return {status: _failure(status, MEDIA_TYPE, "Details") for status in statuses}


def errors(*statuses: int) -> dict[int, Json]:
    """Responses with errors in the form of the two protocols, by status."""
    return {status: _failure(status, JSON, "Error") for status in statuses}


def _failure(status: int, kind: str, schema: str) -> Json:
    failure: Json = {"description": STATUS_MEANINGS[status], "content": content(kind, reference(schema))}
    return failure | ({"headers": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {})


def parameter(name: str, place: str, schema: Json, description: str, **more: Any) -> Json:
    """A parameter of an operation. place: query, header or path."""
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, **required, "schema": schema, "description": description, **more}
