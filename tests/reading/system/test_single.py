"""`inkdigit read --single`: the same answers here and by a server; a picture that cannot be read is reported."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkdigit import prepare
from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.conftest import Command, part
from tests.handmade import make_run
from tests.other_server import answering
from tests.serving import Served, served

TEN = 10


@pytest.fixture(scope="module")
def run(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose model is linear."""
    rows = part(real_digits, slice(2000)), part(real_digits, slice(2000, 2500))
    return make_run(tmp_path_factory.mktemp("reading") / "run", *rows)


@pytest.fixture(scope="module")
def pictures(real_digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten digits as PNG, JPEG, WebP and BMP, large and dark on light."""
    folder = tmp_path_factory.mktemp("pictures")
    paths: list[Path] = []
    for place, digit in enumerate(real_digits.images[5000 : 5000 + TEN]):
        page = Image.new("L", (300, 250), 255)
        page.paste(Image.fromarray(~digit).resize((168, 168), Image.Resampling.BICUBIC), (10 * place, 30))
        path = folder / f"{place} ä.{('png', 'jpg', 'webp', 'bmp')[place % 4]}"
        page.save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / "blank.png"
    Image.new("RGB", (200, 100), "white").save(path)
    return path


@pytest.fixture(scope="module")
def server(run: Path) -> Generator[Served]:
    with served("--model", run, "--max-body", 1) as server:
        yield server


def answers(stdout: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_pictures_are_answered_as_prepared_and_recognized(
    run_command: Command, run: Path, pictures: list[Path]
) -> None:
    expected = Recognizer.load(run).predict_proba(np.stack([prepare(path) for path in pictures]))
    done = run_command("read", "--single", *pictures, "--model", run, "--json")
    assert done.returncode == 0, done.stderr
    found = answers(done.stdout)
    assert [answer["file"] for answer in found] == list(map(str, pictures))
    assert [answer["digit"] for answer in found] == expected.argmax(1).tolist()
    for answer, probabilities in zip(found, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(probabilities, abs=1e-5)
        assert answer["confidence"] == max(answer["probabilities"])  # type: ignore[call-overload]
    plain = run_command("read", "--single", *pictures, "--model", run)
    lines = plain.stdout.splitlines()
    for line, answer in zip(lines, found, strict=True):
        assert line.startswith(f"{answer['file']}: {answer['digit']} (")
        assert abs(float(line.rpartition("(")[2][:-3]) - 100 * float(str(answer["confidence"]))) <= 0.1


def test_the_model_that_ships_reads_by_default(
    run_in_process: Command, pictures: list[Path], real_digits: Dataset
) -> None:
    done = run_in_process("read", "--single", *pictures, "--json")
    assert done.returncode == 0, done.stderr
    assert [answer["digit"] for answer in answers(done.stdout)] == real_digits.required_labels[
        5000 : 5000 + TEN
    ].tolist()


def test_a_server_answers_alike(
    run_in_process: Command, run: Path, pictures: list[Path], blank: Path, server: Served
) -> None:
    here = run_in_process("read", "--single", *pictures, blank, "--model", run, "--json")
    there = run_in_process("read", "--single", *pictures, blank, "--url", server.url, "--json")
    assert here.returncode == there.returncode == 0, there.stderr
    for one, other in zip(answers(here.stdout), answers(there.stdout), strict=True):
        assert one.keys() == other.keys()
        assert one["digit"] == other["digit"]
        assert one.get("probabilities") == pytest.approx(other.get("probabilities"), abs=1e-4)
    plain = run_in_process("read", "--single", pictures[0], "--url", f"{server.url}/")
    assert plain.stdout.startswith(f"{pictures[0]}: ")


def test_a_blank_picture_has_no_digit_and_a_reason(run_in_process: Command, run: Path, blank: Path) -> None:
    done = run_in_process("read", "--single", blank, "--model", run, "--json")
    assert done.returncode == 0
    (answer,) = answers(done.stdout)
    assert answer.keys() == {"file", "digit", "reason"}
    assert answer["digit"] is None
    plain = run_in_process("read", "--single", blank, "--model", run)
    assert plain.stdout.startswith(f"{blank}: no digit (")


@pytest.mark.parametrize("there", [False, True])
def test_a_picture_that_cannot_be_read_is_reported_and_the_others_are_read(
    run_in_process: Command, run: Path, pictures: list[Path], tmp_path: Path, server: Served, there: bool
) -> None:
    (tmp_path / "letter.png").write_text("Dear all")
    (tmp_path / "half.png").write_bytes(pictures[0].read_bytes()[:200])
    files = [tmp_path / "letter.png", pictures[0], tmp_path / "half.png", tmp_path / "absent.png", pictures[1]]
    reader = ["--url", server.url] if there else ["--model", run]
    done = run_in_process("read", "--single", *files, *reader, "--json")
    assert done.returncode == 2
    assert done.stderr == ""
    found = answers(done.stdout)
    assert [set(answer) == {"file", "error"} for answer in found] == [True, False, True, True, False]
    assert all(
        name in str(answer["error"]) for answer, name in zip(found[::2], ["letter.png", "half.png"], strict=False)
    )
    plain = run_in_process("read", "--single", *files, *reader)
    assert plain.returncode == 2
    assert len(plain.stdout.splitlines()) == 2
    errors = plain.stderr.splitlines()
    assert len(errors) == 3
    assert all(line.startswith("Error: ") for line in errors)
    assert "absent.png" in errors[2]


def test_a_picture_that_the_server_refuses_is_reported(
    run_in_process: Command, pictures: list[Path], server: Served, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    Image.open(pictures[0]).save(tmp_path / "other.gif")
    done = run_in_process(
        "read", "--single", tmp_path / "large.png", tmp_path / "other.gif", pictures[0], "--url", server.url
    )
    assert done.returncode == 2
    large, other = done.stderr.splitlines()
    assert all(place in large for place in ("large.png", server.url, "413"))
    assert all(place in other for place in ("other.gif", server.url, "415"))
    assert done.stdout.startswith(str(pictures[0]))


def test_an_api_key_is_sent_if_the_server_asks_for_one(
    run_in_process: Command, run: Path, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = run_in_process("api-key", "reader", "--file", tmp_path / "keys").stdout.strip()
    with served("--model", run, "--api-key-file", tmp_path / "keys") as server:
        command = ["read", "--single", *pictures[:2], "--url", server.url]
        for refused in (run_in_process(*command), run_in_process(*command, "--api-key", "nonsense")):
            assert refused.returncode == 2
            (line,) = refused.stderr.splitlines()
            assert server.url in line
            assert "--api-key" in line
        assert run_in_process(*command, "--api-key", "ключ").returncode == 2
        assert run_in_process(*command, "--api-key", key).returncode == 0
        monkeypatch.setenv("INKDIGIT_API_KEY", key)
        assert run_in_process(*command).returncode == 0


STRANGE: dict[str, tuple[int, str, bytes]] = {
    "a page": (200, "text/html", b"<h1>Welcome</h1>"),
    "other JSON": (200, "application/json", b'{"predictions": [7]}'),
    "no results": (200, "application/json", b'{"results": []}'),
    "a result of another kind": (200, "application/json", b'{"results": [{"digit": "seven"}]}'),
    "no such page": (404, "text/html", b"<h1>Not Found</h1>"),
    "another error": (500, "application/json", b'["oh"]'),
    "moved": (301, "text/html", b""),
}


@pytest.mark.parametrize("case", STRANGE)
def test_a_server_of_another_kind_is_refused(run_in_process: Command, pictures: list[Path], case: str) -> None:
    with answering(*STRANGE[case]) as url:
        done = run_in_process("read", "--single", *pictures[:2], "--url", url)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert url in line


def test_a_busy_server_is_reported_for_each_picture(run_in_process: Command, pictures: list[Path]) -> None:
    detail = "Too many requests wait for an answer: try again in a second."
    problem = {"title": "Service Unavailable", "status": 503, "detail": detail}
    with answering(503, "application/problem+json", json.dumps(problem).encode()) as url:
        done = run_in_process("read", "--single", *pictures[:2], "--url", url)
    assert done.returncode == 2
    for line, path in zip(done.stderr.splitlines(), pictures[:2], strict=True):
        assert all(place in line for place in (str(path), url, "503", detail))


def test_a_server_that_is_not_there_is_reported_once(run_in_process: Command, pictures: list[Path]) -> None:
    with answering(200, "", b"") as url:
        pass
    done = run_in_process("read", "--single", *pictures, "--url", url)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert url in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--single", "--url", "file:///etc/passwd"], "file:///etc/passwd"),
        (["--single", "--url", "http://no.such.host.invalid"], "http://no.such.host.invalid"),
        (["--single", "--url", "http://x", "--model", "run"], "--model"),
        (["--single", "--model", "absent"], "absent"),
    ],
)
def test_a_mistake_is_one_sentence(
    run_in_process: Command, pictures: list[Path], arguments: list[str], place: str
) -> None:
    done = run_in_process("read", pictures[0], *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert place in done.stderr
    assert done.stderr.count("\n") == 1
