"""To come."""

from __future__ import annotations

from starlette.routing import Route

from inkdigit.service.app import Service


def routes(service: Service) -> list[Route]:
    """None yet."""
    return []
