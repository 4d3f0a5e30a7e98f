"""Bound sockets, one for each address of a host."""

from __future__ import annotations

import errno
import socket
import sys
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.service.settings import ServiceSettings

BACKLOG = 1024  # connections that wait to be accepted

Sockets = list[socket.socket]


def listen(settings: ServiceSettings) -> Sockets:
    """A bound socket for each address of the host. Raises InkdigitError."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [_bound(family, address) for family, address in dict.fromkeys((part[0], part[4]) for part in found)]
    except OSError as error:
        code = "port-in-use" if error.errno == errno.EADDRINUSE else "address-invalid"
        raise cannot_listen(settings, error.strerror or "it is not an address", code) from None
    except UnicodeError:
        raise cannot_listen(settings, "it is not an address", "address-invalid") from None


def cannot_listen(settings: ServiceSettings, reason: str, code: str) -> InkdigitError:
    """The error for a host or a port that cannot be used."""
    return InkdigitError(
        f"Nothing can listen on {settings.host}, port {settings.port} ({reason}): choose another --host or --port.",
        code=code,
    )


def url(host: str, port: int) -> str:
    """The address of a server."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _bound(family: int, address: Any) -> socket.socket:
    # The protocol is named: asyncio checks it before it turns off the delay of small packets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # where it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(address)
    listener.listen(BACKLOG)  # at once: of two servers started together, one must learn that the port is taken
    return listener
