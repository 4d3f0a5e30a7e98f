"""How the cores and GPUs of a cluster are divided; no cluster is needed for that."""

from __future__ import annotations

import pytest

from inkdigit.cluster.connection import share


@pytest.mark.parametrize(
    ("nodes", "tasks", "cores", "gpus"),
    [
        ([{"CPU": 8}], 3, 2, 0),
        ([{"CPU": 1}, {"CPU": 1}], 5, 1, 0),
        ([{"CPU": 4}] * 10, 5, 4, 0),  # 40 / 5 is more than any node has
        ([{"CPU": 3}] * 2, 3, 1, 0),
        ([{"CPU": 16, "GPU": 4}, {"CPU": 64}], 8, 4, 1),  # only four at once, whatever they take
        ([{"CPU": 2, "GPU": 4}], 5, 1, 1),
        ([{}], 2, 1, 0),
    ],
)
def test_cores_and_gpus_are_shared_out(nodes: list[dict[str, float]], tasks: int, cores: int, gpus: int) -> None:
    assert share(nodes, tasks) == (cores, gpus)
