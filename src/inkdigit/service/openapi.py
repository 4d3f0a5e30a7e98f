"""What /openapi.json says."""

from __future__ import annotations

from typing import Any

from inkdigit.service.settings import ServiceSettings


def document(settings: ServiceSettings) -> dict[str, Any]:
    """The OpenAPI document."""
    return {"openapi": "3.1.0", "info": {"title": "Inkdigit", "version": "0"}, "paths": {}}
