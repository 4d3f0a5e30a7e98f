"""A search on a cluster that loses a node."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.data.kaggle_csv import write_csv
from inkdigit.utils.hardware import cpu_cores
from tests.cluster.system.conftest import Cluster
from tests.conftest import Command, part
from tests.tune.conftest import BASE, SPACE

TRIALS = 4  # too few to be stopped early or drawn from each other, so that their order does not matter
EPOCHS = 20  # enough for a trial that has just begun not to be at its end


@pytest.fixture(scope="module")
def command(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The search, but for --jobs and --out."""
    folder = tmp_path_factory.mktemp("search")
    write_csv(folder / "train.csv", part(real_digits, slice(1000)))
    (folder / "base.toml").write_text(BASE)
    (folder / "space.toml").write_text(SPACE)
    settings = ["--config", folder / "base.toml", "--space", folder / "space.toml"]
    return ["tune", "--train", folder / "train.csv", *settings, "--trials", TRIALS, "--epochs", EPOCHS]


def rows(folder: Path) -> list[dict[str, str]]:
    """The table of trials, without what the clock says."""
    with (folder / "trials.csv").open(encoding="utf-8") as file:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def wait_for_a_trial(node: psutil.Process) -> None:
    """Return once a trial is trained on a node."""
    for _ in range(600):
        for process in node.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cmdline()[:1] == ["ray::train"]:
                    return
        time.sleep(0.1)
    raise AssertionError("no trial came to that node")


def test_a_lost_node_costs_no_finished_trial(
    cluster: Cluster, command: list[object], run_command: Command, tmp_path: Path
) -> None:
    arguments = [*command, "--engine", "ray", "--out", tmp_path / "found"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "inkdigit", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cluster.environment,
    )
    lines: list[str] = []
    with process:
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if sum(line.startswith("Trial ") for line in lines) == 2 and len(cluster.nodes) == 2:
                node = psutil.Process(cluster.nodes[1].pid)
                wait_for_a_trial(node)
                cluster.kill(node)
                cluster.nodes.pop().wait()
        assert process.wait() == 0, process.stderr and process.stderr.read()
    ended = [line.split(":")[0].split(" (")[0] for line in lines if line.startswith("Trial ") and "gone" not in line]
    assert sorted(ended) == [f"Trial {number}" for number in range(TRIALS)]
    assert any("the process that trained it is gone; it is trained again" in line for line in lines)
    # A thread each, as on the cluster.
    alone = run_command(*command, "--jobs", cpu_cores(), "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    assert rows(tmp_path / "found") == rows(tmp_path / "alone")


def test_a_trial_that_had_more_cores_than_are_left_on_any_node_is_trained_with_fewer(
    cluster: Cluster, command: list[object], tmp_path: Path
) -> None:
    before = cluster.processors()
    node = cluster.add(f"--address={cluster.address}", "--num-cpus=2")
    cluster.wait_for(before + 2)
    arguments = [*command, "--trials", 1, "--jobs", 1, "--engine", "ray", "--out", tmp_path / "found"]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "inkdigit", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=cluster.environment,
    ) as process:
        wait_for_a_trial(node)
        cluster.kill(node)
        cluster.nodes.pop().wait()
        printed, complained = process.communicate(timeout=300)
    assert process.returncode == 0, complained
    assert printed.count("the process that trained it is gone; it is trained again") == 1
    assert rows(tmp_path / "found")[0]["state"] == "complete"
