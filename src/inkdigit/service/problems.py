"""An answer that is not a result: what the client did wrong or has to wait for, in each protocol's own form."""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from inkdigit.service.schemas.problem import Details

MEDIA_TYPE = "application/problem+json"
PROTOCOLS = re.compile(r"/v1/models(/|$)|/v2(/|$)")  # the paths of TensorFlow Serving and the Open Inference Protocol

SHUTTING_DOWN = "The server is shutting down: ask another one."


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer that is not a result.

    Attributes:
        status: the HTTP status.
        detail: one sentence: what was wrong and what to do.
        field: where in the request, such as `pixels[0][3]`.
        setting: the server's setting that would allow the request.
        reason: the problem's label in the metric of rejected requests.
        headers: of the answer.
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
        """The problem details as JSON."""
        details = Details(title=self.status.phrase, status=self.status.value, detail=self.detail)
        details.field, details.setting = self.field or UNSET, self.setting or UNSET
        return msgspec.json.encode(details)

    def response(self, path: str = "") -> Response:
        """The answer at a path: RFC 9457's form in Inkdigit's own API, {"error": sentence} in the two protocols.

        The protocols have no 422: they get a 400 instead.
        """
        if not PROTOCOLS.match(path):
            return Response(self.to_json(), self.status.value, self.headers, MEDIA_TYPE)
        field_is_missing = self.field and self.field not in self.detail
        content = msgspec.json.encode({"error": f"{self.field}: {self.detail}" if field_is_missing else self.detail})
        status = HTTPStatus.BAD_REQUEST if self.status is HTTPStatus.UNPROCESSABLE_ENTITY else self.status
        return Response(content, status.value, self.headers, "application/json")


class ClientGoneError(Exception):
    """The client closed the connection: nobody waits for the answer."""


def overloaded(setting: str) -> Problem:
    """Too much is under way already. setting: the one that raises this limit."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many requests wait for an answer: try again in a second.",
        setting=setting,
        reason="queue_full",
        headers={"Retry-After": "1"},
    )


def too_many_images(count: int, limit: int) -> Problem:
    """A request with more images than `limit`."""
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The request has {count} images, and at most {limit} are accepted: send them in parts.",
        setting="max_images",
    )
