"""How the command finds a cluster."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cluster.system.conftest import Cluster, free_port, headed

ASK = """
import sys
from inkdigit.cluster import connection
from inkdigit.errors import InkdigitError
try:
    with connection.connected():
        print(connection.processors())
except InkdigitError as error:
    sys.exit(f"{error.code}: {error}")
"""


def ask(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, env=environment, check=False)


def one_line(done: subprocess.CompletedProcess[str], code: str) -> str:
    """The sentence of an error with this code, which ends the process without a traceback."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith(f"{code}: ")
    return sentence


def test_the_cluster_that_ray_address_names_is_used(cluster: Cluster) -> None:
    assert ask(cluster.environment).stdout == "2\n"


def test_an_address_without_a_cluster_is_refused_in_one_sentence(cluster: Cluster) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = ask({**cluster.environment, "RAY_ADDRESS": address})
    assert f"RAY_ADDRESS={address}" in one_line(done, "cluster-unreachable")


def test_a_cluster_that_wants_another_token_is_refused_in_one_sentence(cluster: Cluster) -> None:
    done = ask({**cluster.environment, "RAY_AUTH_TOKEN": "another"})
    assert "RAY_AUTH_TOKEN" in one_line(done, "cluster-unreachable")


def test_a_cluster_without_processors_is_refused_in_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    with headed(tmp_path_factory.mktemp("r"), "--num-cpus=0") as cluster:
        done = ask(cluster.environment)
    one_line(done, "cluster-without-processors")


def test_ray_on_this_machine_takes_the_cores_that_the_command_may_use() -> None:
    alone = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    one = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])"
    done = subprocess.run([sys.executable, "-c", one + ASK], capture_output=True, text=True, env=alone, check=False)
    assert done.stdout == "1\n", done.stderr


def test_each_node_is_asked_for_a_missing_package(cluster: Cluster) -> None:
    code = """
from inkdigit.cluster import connection
with connection.connected():
    print(connection.missing_on_nodes("inkdigit", "ray"))
    print(connection.missing_on_nodes("inkdigit", "no_such_package").code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=cluster.environment, check=False
    )
    assert done.stdout.splitlines() == ["None", "node-lacks-package"], done.stderr
