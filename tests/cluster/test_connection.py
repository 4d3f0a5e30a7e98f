"""How the command finds a cluster."""

from __future__ import annotations

import subprocess
import sys

from tests.cluster.conftest import Cluster, free_port

ASK = """
import sys
from inkdigit.cluster import connection
from inkdigit.errors import InkdigitError
try:
    with connection.connected():
        import ray
        print(int(ray.cluster_resources()["CPU"]))
except InkdigitError as error:
    sys.exit(str(error))
"""


def ask(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, env=environment, check=False)


def test_the_cluster_that_ray_address_names_is_used(cluster: Cluster) -> None:
    assert ask(cluster.environment).stdout == "2\n"


def test_an_address_without_a_cluster_is_told_in_one_sentence(cluster: Cluster) -> None:
    address = f"127.0.0.1:{free_port()}"
    told = ask({**cluster.environment, "RAY_ADDRESS": address})
    assert told.returncode == 1
    assert f"RAY_ADDRESS={address}" in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_a_cluster_that_wants_another_token_is_told_in_one_sentence(cluster: Cluster) -> None:
    told = ask({**cluster.environment, "RAY_AUTH_TOKEN": "another"})
    assert told.returncode == 1
    assert "RAY_AUTH_TOKEN" in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr
