"""Jobs that are cut short, and processes that end: what is finished is kept, and the rest is as of an unbroken job."""

from __future__ import annotations

import gzip
import json
import random
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from inkdigit.data import kaggle_csv
from inkdigit.data.dataset import Dataset
from tests.bulk.conftest import Bulk, answers, files_of, stamps
from tests.pages import file

FOURTH = 'if event == "os.rename" and str(arguments[1]).endswith("part-00000003.parquet"): '


@pytest.fixture
def source(real_digits: Dataset, tmp_path: Path) -> Path:
    return files_of(real_digits, tmp_path / "source", 8, 500)


def test_a_killed_job_goes_on_where_it_was_and_ends_as_an_unbroken_one(bulk: Bulk, source: Path, tmp_path: Path):
    broken = bulk(source, tmp_path / "broken", "--workers", 1, hook=FOURTH + "os.kill(os.getppid(), signal.SIGKILL)")
    assert broken.returncode == -9
    finished = stamps(tmp_path / "broken")
    assert {f"part-{number:08d}.parquet" for number in range(3)} <= finished.keys()
    assert len(finished) < 8

    again = bulk(source, tmp_path / "broken")
    assert again.returncode == 0, again.stderr
    assert f"{500 * len(finished):,} of 4,000 rows were done before." in again.stdout
    assert f"{4000 - 500 * len(finished):,} rows of answers in this call, none with an error" in again.stdout
    assert stamps(tmp_path / "broken").items() >= finished.items()
    unbroken = bulk(source, tmp_path / "unbroken")
    assert unbroken.returncode == 0, unbroken.stderr
    assert answers(tmp_path / "broken").equals(answers(tmp_path / "unbroken"))


def test_the_processes_of_a_killed_job_end_with_it(bulk: Bulk, source: Path, tmp_path: Path):
    """What the last of them was about to finish is not there, though it had a second more."""
    hook = FOURTH + "os.kill(os.getppid(), signal.SIGKILL); __import__('time').sleep(60)"
    assert bulk(source, tmp_path / "out", "--workers", 1, hook=hook).returncode == -9
    assert len(stamps(tmp_path / "out")) == 3


def test_ctrl_c_is_told_in_one_sentence(bulk: Bulk, source: Path, tmp_path: Path):
    hook = FOURTH + "os.kill(os.getppid(), signal.SIGINT); __import__('time').sleep(60)"
    done = bulk(source, tmp_path / "out", "--workers", 1, hook=hook)
    assert (done.returncode, done.stderr) == (130, "Interrupted: what is done is kept, and the same command goes on.\n")
    assert len(stamps(tmp_path / "out")) == 3


def test_a_process_that_ends_is_replaced_and_its_part_done_again(bulk: Bulk, source: Path, tmp_path: Path):
    once = tmp_path / "once"
    hook = FOURTH + f"os.path.exists({str(once)!r}) or (os.mkdir({str(once)!r}), os.kill(os.getpid(), signal.SIGKILL))"
    done = bulk(source, tmp_path / "out", hook=hook)
    assert done.returncode == 0, done.stderr
    assert once.exists()
    bulk(source, tmp_path / "unbroken")
    assert answers(tmp_path / "out").equals(answers(tmp_path / "unbroken"))


def test_rows_that_end_every_process_are_given_up(bulk: Bulk, source: Path, tmp_path: Path):
    hook = 'if child and event == "open" and "/02/" in str(arguments[0]): os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(source, tmp_path / "out", hook=hook)
    assert done.returncode == 0, done.stderr
    assert "4,000 rows of answers, 500 with an error" in done.stdout
    rows = answers(tmp_path / "out").to_pylist()
    assert {row["file"][:2] for row in rows if row["error"]} == {"02"}
    assert [row["row"] for row in rows] == 8 * [*range(1, 501)]
    assert "rows 1 to 500, ended 2 processes" in rows[1000]["error"]


def test_a_picture_that_ends_every_process_costs_no_other_its_answer(bulk: Bulk, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(33):  # three in a part
        (folder / f"{number:02d}.png").write_bytes(file("PNG", Image.new("L", (60, 60), 255)))
    hook = 'if child and event == "open" and str(arguments[0]).endswith("07.png"): os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(folder, tmp_path / "out", hook=hook)
    assert done.returncode == 0, done.stderr
    rows = answers(tmp_path / "out").to_pylist()
    assert [row["file"] for row in rows] == [f"{number:02d}.png" for number in range(33)]
    assert [row["error"] for row in rows if row["error"]] == ["07.png has ended the process that read it: look at it."]
    job = tmp_path / "out" / "_job.json"
    content = json.loads(job.read_text())
    content["identity"] |= {"format": 1, "line detector": "that of another version"}
    job.write_text(json.dumps(content))
    assert "a job with other format and line detector: choose" in bulk(folder, tmp_path / "out").stderr


def test_processes_that_cannot_begin_end_the_job(bulk: Bulk, source: Path, tmp_path: Path):
    hook = 'if child and event == "import" and arguments[0] == "onnxruntime": os.kill(os.getpid(), signal.SIGKILL)'
    done = bulk(source, tmp_path / "out", hook=hook)
    assert done.returncode == 2
    assert done.stderr == "Error: A process ended before it could begin (exit code -9): try fewer --workers.\n"


@pytest.mark.parametrize("change", ["source", "model", "options"])
def test_another_job_is_refused_where_answers_are(bulk: Bulk, source: Path, tmp_path: Path, change: str):
    out = tmp_path / "out"
    assert bulk(source, out).returncode == 0
    before = stamps(out)
    again = bulk(source, out)
    assert again.stdout == f"4,000 of 4,000 rows were done before.\nAnswers: {out}\n"
    if change == "source":
        next(source.glob("03/*")).unlink()
    other = bulk(source, out, *(["--probabilities"] if change == "options" else []), model=change != "model")
    assert other.returncode == 2
    assert f"holds the answers of a job with other {change}: choose another folder" in other.stderr
    assert stamps(out) == before


def test_a_folder_with_other_files_is_refused(bulk: Bulk, source: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("Dear all")
    done = bulk(source, tmp_path / "out")
    assert done.returncode == 2
    assert "holds other files already: name a new folder" in done.stderr


@pytest.mark.parametrize("files", [1, 2])
@pytest.mark.parametrize("case", ["scaled", "inverted"])
def test_what_would_be_a_whole_job_of_errors_is_refused(
    bulk: Bulk, real_digits: Dataset, tmp_path: Path, case: str, files: int
):
    images = real_digits.images[:50].reshape(-1, 784)
    pixels, sentence = {
        "scaled": (list(images / 255), "pixels scaled to 0–1 are to be multiplied by 255"),
        "inverted": ([None, *(255 - images)], "are dark on light"),
    }[case]
    for number in range(files):
        parquet.write_table(pa.table({"image": pa.array(pixels)}), tmp_path / f"{number}.parquet")
    done = bulk(tmp_path / "0.parquet" if files == 1 else tmp_path, tmp_path / "out")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", ["a block", "files", "parts"])
def test_what_cannot_be_read_keeps_nothing_after_it_from_being_answered(
    bulk: Bulk, real_digits: Dataset, tmp_path: Path, case: str
):
    source = tmp_path / "source"
    source.mkdir()
    bad = {"a block": 4096, "files": 20, "parts": 20_000}[case]
    images: list[Any] = list(real_digits.images[:50].reshape(-1, 784))
    if case == "files":
        for number in range(bad):
            parquet.write_table(pa.table({"image": pa.array([[1]])}), source / f"{number:02d}.parquet")
    elif case == "parts":
        header = struct.pack(">IIII", 2051, bad, 28, 28)
        (source / "cut.gz").write_bytes(gzip.compress(header + random.Random(0).randbytes(30_000))[:-10_000])
    images = bad * [None] + images if case == "a block" else images
    parquet.write_table(pa.table({"image": pa.array(images)}), source / "digits.parquet")
    done = bulk(source, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"{bad + 50:,} rows of answers, {bad:,} with an error" in done.stdout


def test_files_without_rows_keep_no_other_from_being_read(bulk: Bulk, real_digits: Dataset, tmp_path: Path):
    header = ",".join(kaggle_csv.PIXELS)
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.csv").write_text(f"{header}\n\n")
    alone = bulk(source, tmp_path / "out")
    assert alone.returncode == 2
    assert alone.stderr == f"Error: {source} holds no rows: name files with digits.\n"
    (source / "b.csv").write_text(f"{header}\n" + ",".join(map(str, real_digits.images[0].ravel())) + "\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".job.tmp").touch()  # as a kill leaves it
    assert bulk(source, tmp_path / "out").returncode == 0
    (tmp_path / "out" / "part-mine.parquet").touch()
    again = bulk(source, tmp_path / "out")
    assert again.returncode == 0, again.stderr


def test_options_of_pictures_are_refused_for_rows(bulk: Bulk, source: Path, tmp_path: Path):
    done = bulk(source, tmp_path / "out", "--line")
    assert done.returncode == 2
    assert done.stderr == f"Error: --line is for pictures, and {source} holds rows of pixels: leave it out.\n"
