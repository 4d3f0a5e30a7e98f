"""What a request can know about the connection that it came by, whichever server accepted it."""

from __future__ import annotations

import typing
from collections.abc import Callable

from starlette.types import Scope

SCOPE_KEY = "inkdigit.connection"  # where a request's scope holds its connection


class Connection(typing.Protocol):
    """The connection of one request."""

    @property
    def is_only_request(self) -> bool:
        """Whether this process answers no other request at the moment."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether all of the request's body has arrived."""
        ...

    def on_disconnect(self, call: Callable[[], object]) -> None:
        """Call `call` when the client closes the connection before it has its answer."""
        ...


def connection(scope: Scope) -> Connection:
    """The connection that a request came by."""
    return scope[SCOPE_KEY]
