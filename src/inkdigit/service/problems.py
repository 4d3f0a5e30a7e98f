"""What a client did wrong, or what it has to wait for, in one sentence: RFC 9457 problem details on our own face."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


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

    def to_json(self) -> dict[str, Any]:
        """The members of the problem details."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        return content | {name: value for name in ("field", "setting") if (value := getattr(self, name))}

    def response(self) -> Response:
        """As RFC 9457 has it."""
        return Response(msgspec.json.encode(self.to_json()), self.status.value, self.headers, MEDIA_TYPE)


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


def overloaded(setting: str, headers: dict[str, str] | None = None) -> Problem:
    """The queue is full."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many requests wait for an answer: try again in a second.",
        setting=setting,
        reason="queue_full",
        headers={"Retry-After": "1"} | (headers or {}),
    )
