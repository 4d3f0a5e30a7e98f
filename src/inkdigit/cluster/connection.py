"""The way to a Ray cluster: the one that RAY_ADDRESS names, or one on this machine for as long as the work takes."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager

from inkdigit.errors import InkdigitError

PATIENCE = 5.0  # seconds for a cluster's head to answer; Ray itself asks for minutes
OBJECT_STORE = 512 * 2**20  # bytes, on a machine of one's own: what travels here is small


def require() -> None:
    """Raise InkdigitError where Ray is not installed."""
    try:
        import ray  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise InkdigitError('--engine ray needs Ray: pip install "inkdigit[cluster]".') from None


@contextmanager
def connected() -> Generator[None]:
    """Be a driver of the cluster at RAY_ADDRESS (host:port), or of one started here and ended with the block.

    Raises InkdigitError where Ray is not installed, or no cluster answers there.
    """
    require()
    import ray
    from ray.exceptions import RayError

    address = os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    hint = ""
    try:
        if address:
            _knock(address)
            hint = " (it listens: it may want another RAY_AUTH_TOKEN, or be of another version)"
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            ray.init(
                address="local",
                num_cpus=os.cpu_count(),
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (OSError, ValueError, RuntimeError, RayError) as error:
        told = str(error).partition("\n")[0].rstrip(".")
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise InkdigitError(f"No Ray cluster can be used {where}: {told}{hint}.") from None
    try:
        yield
    finally:
        ray.shutdown()


def lacking(error: Exception) -> InkdigitError | None:
    """What to say of an error of a node that lacks one of our packages; None where it is another error."""
    if "No module named" not in str(error):
        return None
    missing = str(error).rpartition("No module named ")[2].partition("\n")[0]
    return InkdigitError(
        f"A machine of the cluster has no {missing}: install the same Inkdigit with the cluster extra on each."
    )


def _knock(address: str) -> None:
    """Raise OSError or ValueError where nothing listens at host:port."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("it should be host:port")
    socket.create_connection((host, int(port)), PATIENCE).close()
