"""An ensemble trained on a cluster that loses a node on the way."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inkdigit.cluster.members import share
from tests.cluster.conftest import Cluster
from tests.conftest import Command
from tests.test_resume import figures

EPOCHS = 40
SMALL = ["--filters", "4, 8", "--dense", "0", "--epochs", EPOCHS, "--deterministic", "--members", 2]
RUNS = ("run-member-1", "run-member-2", "run", "run-student")
BEGUN = re.compile(r"Member (\d) of 2: Training, epoch 2/")
GONE_ON = re.compile(r"Member (\d) of 2: Training: (\d+) of \d+ epochs were done before\.")


def test_a_member_whose_node_dies_goes_on_from_its_last_epoch_and_ends_as_an_unbroken_one(
    cluster: Cluster, inkdigit: Command, files: Path, tmp_path: Path
) -> None:
    train = ["train", "--train", files / "small.csv", *SMALL]
    command = [Path(sys.executable).with_name("inkdigit"), *train, "--out", tmp_path / "ray" / "run", "--engine", "ray"]
    lines: list[str] = []
    begun: set[str] = set()
    with subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=cluster.environment
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            lines.append(line)
            begun.update(BEGUN.findall(line))
            if len(begun) == 2:
                cluster.kill(psutil.Process(cluster.nodes[1].pid))
                begun.clear()
        assert process.wait() == 0, process.stderr.read()

    printed = "".join(lines)
    (gone_on,) = GONE_ON.findall(printed)
    member, done = gone_on[0], int(gone_on[1])
    assert 2 <= done < EPOCHS
    epochs = re.findall(rf"Member {member} of 2: Training, epoch (\d+)/", printed)
    assert epochs == [str(number) for number in range(1, EPOCHS + 1)]  # each once
    done_here = inkdigit(*train, "--out", tmp_path / "local" / "run")
    assert done_here.returncode == 0, done_here.stderr
    for name in RUNS:
        assert figures(tmp_path / "ray" / name) == figures(tmp_path / "local" / name), name
    # Nothing else is left, and either engine takes the other's runs for its own.
    assert {path.name for path in (tmp_path / "ray").iterdir()} == set(RUNS)
    again = inkdigit(*train, "--out", tmp_path / "ray" / "run")
    assert again.stdout.count("already holds this run") == 4


def test_what_does_not_go_together(inkdigit: Command, files: Path, tmp_path: Path) -> None:
    train = ["train", "--train", files / "small.csv", "--engine", "ray", "--out", tmp_path / "run"]
    for arguments, words in (
        ([], "members"),
        (["--members", 2, "--learning-curve"], "--learning-curve"),
        (["--members", 2, "--tensorboard", tmp_path], "--tensorboard"),
    ):
        refused = inkdigit(*train, *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


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
