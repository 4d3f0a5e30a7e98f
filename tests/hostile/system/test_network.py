"""Nothing leaves the machine: no connection, no look-up, nothing kept for later, whatever a library's maker likes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inkdigit.utils.files import cache_dir
from tests.paths import ROOT

# What strace writes of an address: an Internet one with its port, or a socket file's path.
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
ADDRESS = re.compile(r'sin_addr=inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
NAME_SERVICE = 53
LOOPBACK = ("127.", "::1", "::ffff:127.", "0.0.0.0")


def leaves_the_machine(line: str) -> bool:
    """Whether a line of strace shows a packet or a connection to elsewhere, or a look-up of a name."""
    if "AF_UNIX" in line:
        return "resolve" in line  # systemd's name service
    port, address = PORT.search(line), ADDRESS.search(line)
    if port and int(port[1]) == NAME_SERVICE:
        return True
    return bool(address and not (address[1] or address[2]).startswith(LOOPBACK))


@pytest.mark.parametrize(
    ("line", "leaves"),
    [
        ('1 connect(5, {sa_family=AF_INET, sin_port=htons(8000), sin_addr=inet_addr("127.0.0.1")}, 16) = 0', False),
        ('1 connect(5, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT', False),
        ('1 connect(5, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0', True),
        ('1 connect(5, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.1")}, 16) = 0', True),
        (
            "1 connect(5, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "
            '"2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = 0',
            True,
        ),
        ('1 sendto(5, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.1")}, 16)', True),
    ],
)
def test_the_check_knows_what_leaves(line: str, leaves: bool) -> None:
    assert leaves_the_machine(line) is leaves


def test_no_command_and_no_server_contacts_anybody(files: Path, tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed: tests/programs.py installs it for root on Debian")
    trace, home = tmp_path / "trace", tmp_path / "home"
    (tmp_path / "work").mkdir()
    home.mkdir()
    strace = ["strace", "--follow-forks", "--seccomp-bpf", "--trace=%network", "-o", trace]
    program = [sys.executable, "-m", "tests.hostile.all_work", tmp_path / "work", files / "small.csv"]
    variables = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    variables |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "INKDIGIT_CACHE": str(cache_dir())}
    done = subprocess.run([*strace, *program], capture_output=True, text=True, check=False, cwd=ROOT, env=variables)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    lines = trace.read_text(errors="replace").splitlines()
    assert any("127.0.0.1" in line for line in lines)  # the request to the server: the trace sees connections
    assert [line for line in lines if leaves_the_machine(line)] == []
    # ONNX Runtime keeps an id of the device and what it could not send yet in the user's cache.
    assert {path.name for path in (home / ".cache").iterdir()} <= {"matplotlib", "fontconfig", "mesa_shader_cache"}
