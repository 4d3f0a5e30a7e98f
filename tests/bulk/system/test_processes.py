"""Jobs that are cut short, and processes that die: what is finished is kept, and the rest is as of an unbroken job."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from inkdigit.bulk.command import run
from inkdigit.data.dataset import Dataset
from inkdigit.utils.limits import Limits
from tests.bulk.conftest import files_of, in_this_process, predictions, versions
from tests.bulk.system.conftest import Bulk
from tests.pages import file

FOURTH = 'if event == "os.rename" and str(arguments[1]).endswith("part-00000003.parquet"): '


@pytest.fixture
def source(real_digits: Dataset, tmp_path: Path) -> Path:
    return files_of(real_digits, tmp_path / "source", 8, 500)


def test_a_killed_job_leaves_no_process_goes_on_and_ends_as_an_unbroken_one(
    bulk: Bulk, source: Path, tmp_path: Path, linear_run: Path
):
    # The process that would finish the fourth part has a minute left, unless it ends with its parent.
    hook = FOURTH + "os.kill(os.getppid(), signal.SIGKILL); __import__('time').sleep(60)"
    broken = bulk(source, tmp_path / "broken", "--workers", 1, hook=hook)
    assert broken.returncode == -9
    finished = versions(tmp_path / "broken")
    assert finished.keys() == {f"part-{number:08d}.parquet" for number in range(3)}

    again = bulk(source, tmp_path / "broken")
    assert again.returncode == 0, again.stderr
    assert "1,500 of 4,000 rows were done before." in again.stdout
    assert "2,500 rows written in this call, none with an error" in again.stdout
    assert versions(tmp_path / "broken").items() >= finished.items()
    run(
        str(source),
        str(tmp_path / "unbroken"),
        layout=None,
        probabilities=False,
        model=linear_run,
        workers=None,
        limits=Limits(),
        engine=in_this_process,
    )
    assert predictions(tmp_path / "broken").equals(predictions(tmp_path / "unbroken"))


def test_ctrl_c_says_how_to_go_on(bulk: Bulk, source: Path, tmp_path: Path):
    hook = FOURTH + "os.kill(os.getppid(), signal.SIGINT); __import__('time').sleep(60)"
    done = bulk(source, tmp_path / "out", "--workers", 1, hook=hook)
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert len(versions(tmp_path / "out")) == 3


def test_rows_over_which_processes_die_are_given_up(bulk: Bulk, source: Path, tmp_path: Path):
    hook = 'if child and event == "open" and "/02/" in str(arguments[0]): os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(source, tmp_path / "out", hook=hook)
    assert done.returncode == 0, done.stderr
    assert "4,000 rows written, 500 with an error" in done.stdout
    rows = predictions(tmp_path / "out").to_pylist()
    assert {row["file"][:2] for row in rows if row["error"]} == {"02"}
    assert [row["row"] for row in rows] == 8 * [*range(1, 501)]
    assert "rows 1 to 500" in rows[1000]["error"]


def test_a_picture_over_which_processes_die_costs_no_other_its_prediction(bulk: Bulk, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(33):  # three in a part
        (folder / f"{number:02d}.png").write_bytes(file("PNG", Image.new("L", (60, 60), 255)))
    hook = 'if child and event == "open" and str(arguments[0]).endswith("07.png"): os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(folder, tmp_path / "out", hook=hook)
    assert done.returncode == 0, done.stderr
    rows = predictions(tmp_path / "out").to_pylist()
    assert [row["file"] for row in rows] == [f"{number:02d}.png" for number in range(33)]
    assert [row["file"] for row in rows if row["error"]] == ["07.png"]


def test_processes_that_cannot_begin_end_the_job(bulk: Bulk, source: Path, tmp_path: Path):
    hook = 'if child and event == "import" and arguments[0] == "onnxruntime": os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(source, tmp_path / "out", hook=hook)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "exit code -9" in done.stderr


def test_a_process_that_is_killed_while_it_starts_is_replaced(bulk: Bulk, source: Path, tmp_path: Path):
    flag = str(tmp_path / "killed one")
    hook = (
        f'if child and event == "import" and arguments[0] == "onnxruntime" and not os.path.exists({flag!r}): '
        f"(os.mkdir({flag!r}), os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = bulk(source, tmp_path / "out", "--workers", 1, hook=hook)
    assert done.returncode == 0, done.stderr
    assert Path(flag).is_dir()
    assert "4,000 rows written" in done.stdout
    assert len(predictions(tmp_path / "out")) == 4000
