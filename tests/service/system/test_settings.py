"""The server's settings: where they come from, which wins, and what a wrong one is told."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from inkdigit.errors import InkdigitError
from inkdigit.service.settings import ServiceSettings, gather, variable
from inkdigit.utils.options import allowed_values
from tests.conftest import Command
from tests.errors import refused
from tests.handmade import bare_run
from tests.onnx_models import linear_model
from tests.service.conftest import eventually
from tests.service.system.test_security import one_sentence
from tests.serving import served

OTHERS: dict[str, Any] = {  # another value for each setting
    "host": "::1",
    "port": 8123,
    "model": "runs/mine",
    "models": "runs",
    "workers": 2,
    "threads": 3,
    "max_batch": 5,
    "max_queue": 6,
    "max_reads": 4,
    "max_images": 7,
    "max_body": 9,
    "max_pixels": 10,
    "deadline": 1.5,
    "read_timeout": 2.5,
    "keep_alive": 0.0,
    "grace": 3.5,
    "api_key_file": "keys",
    "cors_origins": "https://one.example, http://two.example:8080",
}
PAIR = {"model", "models"}  # of which only one can be given


@pytest.mark.parametrize("name", [f.name for f in fields(ServiceSettings)])
def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "serve.toml"
    other, default = OTHERS[name], getattr(ServiceSettings(), name)
    assert other != default
    file.write_text(f"{name} = {json.dumps(other)}")
    given, text = {variable(name): str(other)}, str(default)
    assert getattr(gather(file, {}, {}), name) == other
    assert getattr(gather(None, given, {}), name) == other
    assert getattr(gather(None, {}, {name: str(other)}), name) == other
    if text:  # an empty variable is none
        assert getattr(gather(file, {variable(name): text}, {}), name) == default
    assert getattr(gather(file, given, {name: text}), name) == default
    assert gather(file, {variable(name): ""}, {name: None}) == gather(file, {}, {})


def test_the_command_takes_all_three_and_prints_a_file_that_it_takes(
    run_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serve.toml").write_text("port = 1\nworkers = 2\nmax_body = 3\n")
    monkeypatch.setenv("INKDIGIT_WORKERS", "4")
    monkeypatch.setenv("INKDIGIT_MAX_BODY", "5")
    printed = run_command("serve", "--config", tmp_path / "serve.toml", "--max-body", 6, "--print-config")
    assert printed.returncode == 0, printed.stderr
    assert {"port = 1", "workers = 4", "max_body = 6", "deadline = 5.0"} <= set(printed.stdout.splitlines())
    (tmp_path / "again.toml").write_text(printed.stdout)
    monkeypatch.undo()
    assert run_command("serve", "--config", tmp_path / "again.toml", "--print-config").stdout == printed.stdout


WRONG: list[tuple[str, Any]] = [
    ("host", 5),
    ("host", "a\nb"),
    ("port", "http"),
    ("port", "8e3"),
    ("port", -1),
    ("port", 65536),
    ("port", True),
    ("workers", 0),
    ("workers", "1.5"),
    ("workers", [2]),
    ("deadline", 0),
    ("deadline", "nan"),
    ("deadline", float("inf")),
    ("max_body", "8 MiB"),
    ("keep_alive", -0.1),
    ("model", None),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_told_with_the_allowed_ones(tmp_path: Path, name: str, value: object) -> None:
    ways: dict[str, Any] = {}
    if isinstance(value, str):
        ways["Among the variables INKDIGIT_…"] = (None, {variable(name): value}, {})
        ways["On the command line"] = (None, {}, {name: value})
    file = tmp_path / "serve.toml"
    if value is not None:
        file.write_text(f"{name} = {value if isinstance(value, float) else json.dumps(value)}")
        ways[str(file)] = (file, {}, {})
    for where, way in ways.items():
        with refused("setting-invalid", where, f"{name} = {value!r}", allowed_values(ServiceSettings, name)):
            gather(*way)


def test_what_is_no_setting_is_told(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text("max_bodies = 8")
    with pytest.raises(InkdigitError, match=r'serve.toml: there is no setting "max_bodies": did you mean max_body\?'):
        gather(file, {}, {})
    file.write_text("[serve]\nport = 8000")
    with pytest.raises(InkdigitError, match='there is no setting "serve": `inkdigit serve --print-config` shows'):
        gather(file, {}, {})


def test_model_and_models_exclude_each_other() -> None:
    with pytest.raises(InkdigitError, match="give one of the two"):
        gather(None, {"INKDIGIT_MODELS": "runs"}, {"model": "runs/mine"})


NO_ORIGINS = ["example.org", "https://example.org/", "https://a.example https://b.example", "null"]


@pytest.mark.parametrize("origins", NO_ORIGINS)
def test_an_origin_that_would_never_match_is_told(origins: str) -> None:
    with pytest.raises(InkdigitError, match=f"cors_origins: {origins} is no origin: give addresses such as https://"):
        gather(None, {}, {"cors_origins": f"*, {origins}"})


def test_what_cannot_be_served_is_told_in_one_sentence(run_command: Command, tmp_path: Path) -> None:
    (tmp_path / "no.toml").write_text("port = ")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("{}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cases = {
            f"port {port}": ["--port", port],
            "no.such.host.example": ["--host", "no.such.host.example"],
            "a..b": ["--host", "a..b"],
            "is not a folder": ["--port", 0, "--model", tmp_path / "nothing"],
            "is damaged": ["--port", 0, "--model", tmp_path / "run"],
            "File name too long": ["--port", 0, "--model", "x" * 5000],
            "holds no model to serve": ["--port", 0, "--models", tmp_path],
            "is not TOML": ["--config", tmp_path / "no.toml"],
            "from 0 to 65535": ["--port", "http"],
        }
        for words, options in cases.items():
            assert words in one_sentence(run_command("serve", *options))


def test_of_two_servers_started_at_once_one_has_the_port(linear_run: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("inkdigit")),
        "serve",
        "--model",
        str(linear_run),
        "--port",
        str(port),
    ]
    pipe = subprocess.PIPE
    servers = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    try:
        (ended,) = eventually(lambda: [server for server in servers if server.poll() is not None], "the end of one")
        out, error = ended.communicate()
        done = subprocess.CompletedProcess(command, ended.returncode, out, error)
        assert f"Nothing can listen on 127.0.0.1, port {port}" in one_sentence(done)
        (left,) = set(servers) - {ended}
        assert left.stdout
        assert f":{port}/" in left.stdout.readline()
    finally:
        for server in servers:
            server.kill()
            server.communicate()


def test_a_model_that_does_not_run_is_told_with_its_folder(run_command: Command, tmp_path: Path) -> None:
    other_input = linear_model().replace(b"pixels", b"voxels")
    for name, model in (("damaged", linear_model()[:-200]), ("another", other_input)):
        run = bare_run(tmp_path / name, model)
        assert str(run) in one_sentence(run_command("serve", "--port", 0, "--model", run))


def test_it_listens_on_ipv6_and_says_so(linear_run: Path) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with served("--model", linear_run, "--host", "::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert server.get("/healthz").status_code == 200
