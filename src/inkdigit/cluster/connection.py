"""The way to a Ray cluster: the one that RAY_ADDRESS names, or one on this machine for as long as the work takes."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra
from inkdigit.utils.hardware import cpu_cores

LOOK = 10.0  # seconds between looks at whether the cluster still has room for what waits
PATIENCE = 5.0  # seconds for a cluster's head to answer; Ray itself asks for minutes
OBJECT_STORE = 512 * 2**20  # bytes, on a machine of one's own: what travels here is small


@contextmanager
def connected() -> Generator[None]:
    """Be a driver of the cluster at RAY_ADDRESS (host:port), or of one started here and ended with the block.

    Raises InkdigitError where Ray is not installed, no cluster answers there, or it has no processor.
    """
    require_extra("cluster", "--engine ray")
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
                num_cpus=cpu_cores(),
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
        if not processors():
            raise InkdigitError(
                f"The Ray cluster at RAY_ADDRESS={address} has no processor to work on: add a machine to it, by "
                "`ray start` without --num-cpus 0."
            )
        yield
    finally:
        ray.shutdown()


def nodes() -> list[dict[str, float]]:
    """The resources of each node of the cluster that is alive."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def processors() -> int:
    """How many the cluster has."""
    return sum(int(node.get("CPU", 0)) for node in nodes())


def share(nodes: Sequence[Mapping[str, float]], tasks: int) -> tuple[int, int]:
    """Cores and GPUs of each task, from the resources of each node.

    One GPU where there are any; and of cores as many as let all tasks run at once, or else as many of them as can.
    """
    gpus = any(node.get("GPU", 0) >= 1 for node in nodes)

    def at_once(cores: int) -> int:
        fit = [int(node.get("CPU", 0)) // cores for node in nodes]
        return sum(min(fits, int(node.get("GPU", 0))) if gpus else fits for fits, node in zip(fit, nodes, strict=True))

    most = min(tasks, at_once(1))
    largest = max((int(node.get("CPU", 0)) for node in nodes), default=1)
    return max((cores for cores in range(1, largest + 1) if at_once(cores) >= most), default=1), int(gpus)


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
