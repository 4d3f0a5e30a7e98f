"""An ensemble trained on a cluster that loses a node on the way."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.cluster.system.conftest import Cluster
from tests.conftest import Command
from tests.training.system.test_resume import figures

EPOCHS = 40
SMALL = ["--filters", "4, 8", "--dense", "0", "--epochs", EPOCHS, "--deterministic", "--members", 2]
RUNS = ("run-member-1", "run-member-2", "run", "run-student")
GONE_ON = re.compile(r"Member (\d) of 2: Training: (\d+) of \d+ epochs were done before\.")


@pytest.fixture(scope="module")
def command(files: Path) -> list[object]:
    return ["train", "--train", files / "small.csv", *SMALL]


@pytest.fixture(scope="module")
def unbroken(run_command: Command, command: list[object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the four runs, trained one after the other on this machine."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = run_command(*command, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder


@contextmanager
def started(*arguments: object, environment: dict[str, str] | None = None) -> Generator[subprocess.Popen[str]]:
    """The command at work, in its own process."""
    command = [Path(sys.executable).with_name("inkdigit"), *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], *words: str) -> str:
    """What it prints, until all the words have come."""
    assert process.stdout
    assert process.stderr
    printed = ""
    for line in process.stdout:
        printed += line
        if all(word in printed for word in words):
            return printed
    raise AssertionError(f"it ended without “{words}”: {printed}{process.stderr.read()}")


def members_on(node: psutil.Process) -> list[str]:
    """The numbers of the members that are trained there, from the locks that its processes hold."""
    held = [file.path for child in node.children(recursive=True) for file in child.open_files()]
    return re.findall(r"run-member-(\d)\.partial\.lock", "\n".join(held))


def test_each_engine_goes_on_with_what_the_other_began(
    cluster: Cluster, run_command: Command, command: list[object], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with started(*command, "--out", out) as here:
        read_until(here, "Training, epoch 2/")
        here.kill()
    with started(*command, "--out", out, "--engine", "ray", environment=cluster.environment) as there:
        printed = read_until(there, f" of {EPOCHS} epochs were done before", "Member 2 of 2: Training, epoch 2/")
        there.send_signal(signal.SIGINT)
        stderr = there.communicate()[1]
    assert "Member 1 of 2: Training, epoch 2/" not in printed
    assert there.returncode == 130
    assert stderr == "Interrupted. To go on, give the same command again.\n"
    done = run_command("train", "--resume", tmp_path / "run-member-2")
    assert done.returncode == 0, done.stderr
    assert f" of {EPOCHS} epochs were done before" in done.stdout
    assert figures(tmp_path / "run-member-2") == figures(unbroken / "run-member-2")


def test_a_member_whose_node_dies_goes_on_from_its_last_epoch_and_ends_as_an_unbroken_one(
    cluster: Cluster, run_command: Command, command: list[object], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with started(*command, "--out", out, "--engine", "ray", environment=cluster.environment) as process:
        second = psutil.Process(cluster.nodes[1].pid)
        printed = read_until(process, " of 2: Network")
        (first,) = re.findall(r"Member (\d) of 2: Network", printed)
        member = first if first in members_on(second) else "12".replace(first, "")
        printed += read_until(process, f"Member {member} of 2: Training, epoch 2/")
        cluster.kill(second)
        more, stderr = process.communicate()
        assert process.returncode == 0, stderr
    ((gone_on, done),) = GONE_ON.findall(printed + more)
    assert gone_on == member
    assert 2 <= int(done) < EPOCHS
    epochs = re.findall(rf"Member {member} of 2: Training, epoch (\d+)/", printed + more)
    assert epochs == [str(number) for number in range(1, EPOCHS + 1)]  # each once
    for name in RUNS:
        assert figures(tmp_path / name) == figures(unbroken / name), name
    # Nothing else is left, and the other engine takes the runs for its own.
    assert {path.name for path in tmp_path.iterdir()} == set(RUNS)
    assert run_command(*command, "--out", out).stdout.count("already holds this run") == 4


def test_a_student_that_had_more_cores_than_are_left_on_any_node_is_trained_with_fewer(
    cluster: Cluster, command: list[object], unbroken: Path, tmp_path: Path
) -> None:
    for name in RUNS[:3]:
        shutil.copytree(unbroken / name, tmp_path / name)
    before = cluster.processors()
    node = cluster.add(f"--address={cluster.address}", "--num-cpus=2")
    cluster.wait_for(before + 2)
    arguments = [*command, "--out", tmp_path / "run", "--engine", "ray"]
    with started(*arguments, environment=cluster.environment) as process:
        read_until(process, "taught by them: Training, epoch 2/")
        cluster.kill(node)
        cluster.nodes.pop().wait()
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert figures(tmp_path / RUNS[3]) == figures(unbroken / RUNS[3])


def test_options_that_exclude_each_other_are_refused(run_command: Command, files: Path, tmp_path: Path) -> None:
    train = ["train", "--train", files / "small.csv", "--engine", "ray", "--out", tmp_path / "run"]
    for arguments, words in (
        ([], "members"),
        (["--members", 2, "--learning-curve"], "--learning-curve"),
        (["--members", 2, "--tensorboard", tmp_path], "--tensorboard"),
    ):
        refused = run_command(*train, *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())
