"""The connection to a Ray cluster: the one that RAY_ADDRESS names, or one on this machine while the work lasts."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra
from inkdigit.utils.hardware import cpu_cores

POLL_SECONDS = 10.0  # between checks whether the cluster still has room for what waits
CONNECT_SECONDS = 5.0  # for a cluster's head to respond; Ray itself waits for minutes
OBJECT_STORE_BYTES = 512 * 2**20  # of a cluster on this machine: what travels there is small


@contextmanager
def connected() -> Generator[None]:
    """Inside, this process is a driver of the cluster at RAY_ADDRESS (host:port), or of one that ends with the block.

    Raises:
        InkdigitError: `extra-missing`, `cluster-unreachable`, or `cluster-without-processors`.
    """
    require_extra("cluster", "--engine ray")
    import ray
    from ray.exceptions import RayError

    address = os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    hint = ""
    try:
        if address:
            _check_listening(address)
            hint = " (it listens, but may want another RAY_AUTH_TOKEN, or be of another version)"
            ray.init(address=address, **quiet)
        else:
            size = {"num_cpus": cpu_cores(), "object_store_memory": OBJECT_STORE_BYTES}
            ray.init(address="local", **size, include_dashboard=False, **quiet)
    except (OSError, ValueError, RuntimeError, RayError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        where = f"at RAY_ADDRESS={address}" if address else "on this machine"
        raise InkdigitError(
            f"No Ray cluster can be used {where}: {reason}{hint}.", code="cluster-unreachable"
        ) from None
    try:
        if not processors():
            raise InkdigitError(
                f"The Ray cluster at RAY_ADDRESS={address} has no processor to work on: add a machine to it, by "
                "`ray start` without --num-cpus 0.",
                code="cluster-without-processors",
            )
        yield
    finally:
        ray.shutdown()


def nodes() -> list[dict[str, float]]:
    """The resources of each node of the cluster that is alive, such as {"CPU": 2, "GPU": 1}."""
    return [node["Resources"] for node in _alive()]


def processors() -> int:
    """How many processors the cluster has."""
    return sum(int(node.get("CPU", 0)) for node in nodes())


def share(nodes: Sequence[Mapping[str, float]], tasks: int) -> tuple[int, int]:
    """The cores and GPUs that each of some tasks should take.

    Args:
        nodes: the resources of each.
        tasks: how many want to run at the same time.

    Returns:
        One GPU where there are any. The most cores with which all tasks run at once, or else as many tasks as can.
    """
    gpus = any(node.get("GPU", 0) >= 1 for node in nodes)

    def at_once(cores: int) -> int:
        fit = [int(node.get("CPU", 0)) // cores for node in nodes]
        return sum(min(fits, int(node.get("GPU", 0))) if gpus else fits for fits, node in zip(fit, nodes, strict=True))

    most = min(tasks, at_once(1))
    largest = max((int(node.get("CPU", 0)) for node in nodes), default=1)
    return max((cores for cores in range(1, largest + 1) if at_once(cores) >= most), default=1), int(gpus)


def missing_on_nodes(*modules: str) -> InkdigitError | None:
    """Ask each node whether it can import some modules; the error for the first that cannot, else None.

    For the time after a failure: what Ray says of a missing module is a text.
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look: Any = ray.remote(importlib.util.find_spec)  # of the standard library, so every node can import it
    for node in _alive():
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        for module in modules:
            try:
                spec: Any = ray.get(look.options(num_cpus=0, scheduling_strategy=there).remote(module), timeout=60)
            except RayError:  # the node is gone
                continue
            if spec is None:
                return InkdigitError(
                    f"A machine of the cluster ({node['NodeManagerAddress']}) has no {module}: install the same "
                    "Inkdigit with the cluster extra on each.",
                    code="node-lacks-package",
                )
    return None


def _alive() -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def _check_listening(address: str) -> None:
    """Raise OSError or ValueError where nothing listens at host:port."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("it should be host:port")
    socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
