"""Does a little of all that Inkdigit does, as a program: python -m tests.hostile.all_work FOLDER TRAIN_CSV."""

from __future__ import annotations

import sys
from pathlib import Path

from inkdigit.cli import main
from inkdigit.runs.run import SHIPPED_RUN
from tests.conftest import LINEAR
from tests.paths import DOCS
from tests.serving import served

FORM = DOCS / "examples" / "form"


def run(*arguments: object) -> None:
    """Run a command in this process; stop where it fails."""
    try:
        main(list(map(str, arguments)), standalone_mode=False)
    except SystemExit as ended:
        if ended.code:
            raise


def work(folder: Path, csv: Path) -> None:
    """Run the commands, and a server with three requests."""
    network, first = folder / "linear.py", folder / "first"
    network.write_text(LINEAR)
    picture = FORM / "blank.png"
    run("train", "--train", csv, "--model", network, "--epochs", 1, "--training-rows", 300, "--out", first)
    run("report", first)
    run("runs", folder)
    run("compare", first, SHIPPED_RUN, "--data", csv, "--out", folder / "comparison")
    run("evaluate", first, "--data", csv)
    run("export", first, "-o", folder / "exported.onnx")
    run("submit", first, "--test", csv, "-o", folder / "submission.csv")
    run("audit", csv, "--duplicates-only", "--out", folder / "audit")
    run("synth", folder / "pages", "--pages", 1)
    run("read", picture)
    run("read", "--form", FORM / "form.toml", picture, "-o", folder / "answers.csv", "--review", folder / "review.html")
    run("bulk", csv, folder / "predictions")
    with served("--model", first, "--deadline", 60) as server:
        for path in ("/readyz", "/", "/metrics"):
            assert server.get(path).is_success, path
        sent = server.post("/v1/read", content=picture.read_bytes(), headers={"content-type": "image/png"})
        assert sent.is_success, sent.text


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]))
