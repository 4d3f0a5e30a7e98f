"""POST /v1/read. The schemas are made of the Structs that the route uses."""

from __future__ import annotations

import base64
from typing import Any, get_args

import msgspec

from inkdigit.service.models import NAME
from inkdigit.service.openapi import parts
from inkdigit.service.openapi.parts import JSON, PAGES, PROBABILITIES, Json, content, reference
from inkdigit.service.pictures import page_types
from inkdigit.service.schemas.read import Layout, ReadAnswer


def schemas() -> Json:
    """The schemas of answers."""
    _, found = msgspec.json.schema_components([ReadAnswer], ref_template="#/components/schemas/{name}")
    return found


def paths() -> Json:
    """POST /v1/read."""
    picture = {"A picture file in base64": {"image": base64.b64encode(parts.png(parts.page())).decode()}}
    body = parts.files(page_types()) | content(JSON, reference("Encoded"), picture)
    digit = {"digit": 7, "confidence": max(PROBABILITIES), "probabilities": PROBABILITIES, "box": [40, 32, 31, 52]}
    line = {"text": "7", "digits": [digit]}
    rejected = {"box": [120, 20, 9, 9], "reason": "not sure"}
    answers = {
        "A picture": _answer({"text": "7", "lines": [line], "rejected": [rejected]}),
        "The pages of a PDF": _answer(
            {"page": 1, "text": "7", "lines": [line], "rejected": []},
            {"page": 2, "text": "", "lines": [], "rejected": []},
        ),
    }
    least = {"type": "number", "minimum": 0, "maximum": 1, "default": 0}
    layout = {"enum": list(get_args(Layout)), "default": "page"}
    operation = parts.operation(
        "read",
        PAGES,
        "Read lines of digits",
        content(JSON, reference("ReadAnswer"), answers),
        parts.problems(400, 401, 408, 413, 415, 422, 503, 504),
        description="A photo, a scan or a drawing, as a file, as a form with several, or as JSON. The answer has one "
        "result for each picture, in the order sent; for each page of a PDF, or of a TIFF with several.",
        parameters=[
            parts.parameter("layout", "query", layout, "page finds the lines of digits; line says that there is one"),
            parts.parameter("min_confidence", "query", least, "digits below this confidence are listed as rejected"),
        ],
        requestBody={"required": True, "content": body},
    )
    return {"/v1/read": {"post": operation}}


def _answer(*results: Any) -> Json:
    return {"model": {"name": NAME, "version": "1"}, "results": list(results)}
