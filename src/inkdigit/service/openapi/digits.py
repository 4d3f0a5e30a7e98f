"""POST /v1/digits, health and metrics. The schemas are made of the Structs that the routes use."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from inkdigit.service.models import NAME
from inkdigit.service.openapi import parts
from inkdigit.service.openapi.parts import (
    DIGITS,
    HEALTH,
    JSON,
    PROBABILITIES,
    TEXT,
    Json,
    content,
    object_schema,
    reference,
)
from inkdigit.service.pictures import PICTURE_TYPES
from inkdigit.service.schemas.digits import Answer, Digit, Encoded, NoDigit, OnePicture, Pictures
from inkdigit.service.schemas.problem import Details
from inkdigit.service.settings import ServiceSettings


def schemas(settings: ServiceSettings) -> Json:
    """The schemas of requests, answers and problem details."""
    structs = [OnePicture, Pictures, Encoded, Answer, Digit, NoDigit, Details]
    _, found = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    result = {"oneOf": [reference("Digit"), reference("NoDigit")]}
    found["Answer"]["properties"]["results"] = parts.array_schema(result, minItems=1)
    found["Pictures"]["properties"]["pixels"]["maxItems"] = settings.max_images
    return found


def paths() -> Json:
    """POST /v1/digits, health, readiness and metrics."""
    alive = content(JSON, object_schema(["status"], status={"const": "alive"}))
    ready = content(JSON, object_schema(["status", "version"], status={"const": "ready"}, version=TEXT))
    unready = parts.problems(503)
    text = content("text/plain", TEXT)
    return {
        "/v1/digits": {"post": _digits()},
        "/healthz": {"get": parts.operation("healthz", HEALTH, "Is it alive?", alive, {}, security=[])},
        "/readyz": {"get": parts.operation("readyz", HEALTH, "Does it take requests?", ready, unready, security=[])},
        "/metrics": {"get": parts.operation("metrics", HEALTH, "Metrics for Prometheus", text, parts.problems(401))},
    }


def _digits() -> Json:
    kinds = [reference(kind.__name__) for kind in (OnePicture, Pictures, Encoded)]
    pixels = parts.pixels()
    requests = {
        "Pixels of one digit": {"pixels": pixels},
        "Pixels of several digits": {"pixels": [pixels, pixels]},
        "A picture file in base64": {"image": base64.b64encode(parts.png()).decode()},
    }
    body = parts.files(PICTURE_TYPES) | content(JSON, {"oneOf": kinds}, requests)
    digit = {"digit": 7, "confidence": max(PROBABILITIES), "probabilities": PROBABILITIES}
    answers = {
        "A digit": _answer(digit),
        "A picture on which nothing is drawn": _answer({"digit": None, "reason": "body shows no ink."}),
    }
    return parts.operation(
        "digits",
        DIGITS,
        "Read digits",
        content(JSON, reference("Answer"), answers),
        parts.problems(400, 401, 408, 413, 415, 422, 503, 504),
        description="One or several, as a picture file, as a form with files, or as JSON. The answer has one result "
        "for each image, in the order sent.",
        parameters=[
            parts.parameter("show", "query", {"enum": ["input"]}, "adds to each result what the model saw, as a PNG")
        ],
        requestBody={"required": True, "content": body},
    )


def _answer(result: Any) -> Json:
    return {"model": {"name": NAME, "version": "1"}, "results": [result]}
