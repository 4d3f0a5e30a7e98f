"""How the command finds a cluster."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cluster.conftest import Cluster, free_port, headed

ASK = """
import sys
from inkdigit.cluster import connection
from inkdigit.errors import InkdigitError
try:
    with connection.connected():
        print(connection.processors())
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


def test_a_cluster_without_processors_is_told_in_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    with headed(tmp_path_factory.mktemp("r"), "--num-cpus=0") as cluster:
        told = ask(cluster.environment)
    assert told.returncode == 1
    assert "has no processor to work on" in told.stderr.splitlines()[-1]
    assert "Traceback" not in told.stderr


def test_ray_on_this_machine_takes_the_cores_that_the_command_may_use() -> None:
    alone = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    one = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])"
    done = subprocess.run([sys.executable, "-c", one + ASK], capture_output=True, text=True, env=alone, check=False)
    assert done.stdout == "1\n", done.stderr
