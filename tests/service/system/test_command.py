"""The command `inkdigit serve`: its settings, its errors, its sockets; and `inkdigit api-key`."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inkdigit.service.api_keys import Keys
from tests.conftest import Command
from tests.service.conftest import eventually
from tests.serving import served


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error of a command that cannot do its work."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_key_that_the_command_makes_is_valid(run_command: Command, tmp_path: Path) -> None:
    made = run_command("api-key", "tester", "--file", tmp_path / "keys")
    assert made.returncode == 0, made.stderr
    assert Keys.read(tmp_path / "keys").owner(made.stdout.strip()) == "tester"
    assert "tester" in one_line(run_command("api-key", "tester", "--file", tmp_path / "keys"))


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


def test_a_missing_run_is_refused_in_one_line(run_command: Command, tmp_path: Path) -> None:
    run = tmp_path / "nothing"
    assert str(run) in one_line(run_command("serve", "--port", 0, "--model", run))


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
        assert str(port) in one_line(done)
        (left,) = set(servers) - {ended}
        assert left.stdout
        assert f":{port}/" in left.stdout.readline()
    finally:
        for server in servers:
            server.kill()
            server.communicate()


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
