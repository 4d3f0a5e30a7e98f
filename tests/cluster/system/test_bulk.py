"""`inkdigit bulk --engine ray` on two nodes, one of which is lost on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from inkdigit.data.dataset import Dataset
from tests.bulk.conftest import files_of, predictions, versions
from tests.cluster.system.conftest import Cluster
from tests.conftest import Command

PARTS, ROWS = 20, 500


def test_a_lost_node_costs_no_prediction_and_nothing_is_done_twice(
    cluster: Cluster, run_command: Command, real_digits: Dataset, tmp_path: Path
) -> None:
    source, out = files_of(real_digits, tmp_path / "source", PARTS, ROWS), tmp_path / "out"
    command = [Path(sys.executable).with_name("inkdigit"), "bulk", source, out, "--engine", "ray"]
    second = psutil.Process(cluster.nodes[1].pid)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cluster.environment
    ) as process:
        while process.poll() is None and not (len(versions(out)) >= 4 and is_at_work(second)):
            time.sleep(0.05)
        cluster.kill(second)
        finished = versions(out)
        printed, complained = process.communicate()
    assert process.returncode == 0, complained
    assert 4 <= len(finished) < PARTS
    assert f"{PARTS * ROWS:,} rows written, none with an error" in printed
    assert versions(out).items() >= finished.items()
    assert run_command("bulk", source, tmp_path / "unbroken").returncode == 0
    assert predictions(out).equals(predictions(tmp_path / "unbroken"))


def is_at_work(node: psutil.Process) -> bool:
    """Whether one of a node's processes does parts of a collection."""
    return any("MapBatches(_Actor)" in name for process in node.children(recursive=True) for name in process.cmdline())
