"""What a client did wrong, or what it has to wait for, in one sentence, as each face of the service tells it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
PROTOCOLS = re.compile(r"/v1/models(/|$)|/v2(/|$)")  # the paths of TensorFlow Serving and the Open Inference Protocol


class Details(msgspec.Struct, kw_only=True):
    """Problem details, as RFC 9457 has them."""

    type: str = "about:blank"
    title: Annotated[str, Meta(description="the status in words")]
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(description="what was wrong and what to do")]
    field: Annotated[str, Meta(description="where in the request")] | UnsetType = UNSET
    setting: Annotated[str, Meta(description="the server's setting that raises this limit")] | UnsetType = UNSET


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer that is no result.

    detail: one sentence, what was wrong and what to do. field: where in the request, such as `pixels[0][3]`.
    setting: the server's setting that would allow it. reason: its label among the rejected, in the metrics.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        field: str | None = None,
        setting: str | None = None,
        reason: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        if setting:
            detail += f" The server's setting {setting} raises this limit."
        self.status, self.detail, self.field, self.setting = status, detail, field, setting
        self.reason = reason or status.phrase.lower().replace(" ", "_")
        self.headers = headers or {}

    def to_json(self) -> bytes:
        """The problem details."""
        details = Details(title=self.status.phrase, status=self.status.value, detail=self.detail)
        details.field, details.setting = self.field or UNSET, self.setting or UNSET
        return msgspec.json.encode(details)

    def response(self, path: str = "") -> Response:
        """As the face at this path tells it: in RFC 9457's form on ours, {"error": sentence} in the two protocols.

        These know no 422: what is not as they have it is a 400.
        """
        if not PROTOCOLS.match(path):
            return Response(self.to_json(), self.status.value, self.headers, MEDIA_TYPE)
        unnamed = self.field and self.field not in self.detail
        content = msgspec.json.encode({"error": f"{self.field}: {self.detail}" if unnamed else self.detail})
        status = HTTPStatus.BAD_REQUEST if self.status is HTTPStatus.UNPROCESSABLE_ENTITY else self.status
        return Response(content, status.value, self.headers, "application/json")


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def overloaded(setting: str) -> Problem:
    """The queue is full."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many requests wait for an answer: try again in a second.",
        setting=setting,
        reason="queue_full",
        headers={"Retry-After": "1"},
    )


def too_many(count: int, limit: int) -> Problem:
    """More images than one request may have."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request has {count} images, and at most {limit} are taken: send them in parts.",
        setting="max_images",
    )
