"""Problem details, the JSON of an answer that says what went wrong (RFC 9457)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType


class Details(msgspec.Struct, kw_only=True):
    """Problem details, as RFC 9457 has them."""

    type: str = "about:blank"
    title: Annotated[str, Meta(description="the status in words")]
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: Annotated[str, Meta(description="what was wrong and what to do")]
    field: Annotated[str, Meta(description="where in the request")] | UnsetType = UNSET
    setting: Annotated[str, Meta(description="the server's setting that raises this limit")] | UnsetType = UNSET
