"""Who may ask, from which pages, and what nobody gets to see."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Generator, Iterable
from pathlib import Path

import httpx
import pytest

from inkdigit.service import auth
from tests.conftest import Command
from tests.service.conftest import PIXELS, eventually
from tests.serving import Served, served

ORIGIN, OTHER = "https://page.example", "https://other.example"
OPEN = ["/", "/docs", "/openapi.json", "/favicon.ico", "/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"]
GUARDED = [
    ("POST", "/v1/digits"),
    ("POST", "/v1/read"),
    ("GET", "/metrics"),
    ("POST", "/v1/models/digits:predict"),
    ("POST", "/v1/models/digits/versions/1:predict"),
    ("GET", "/v1/models/digits"),
    ("GET", "/v1/models/digits/metadata"),
    ("GET", "/v2"),
    ("GET", "/v2/models/digits"),
    ("GET", "/v2/models/digits/ready"),
    ("POST", "/v2/models/digits/infer"),
]


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """What a command says that cannot do what it should."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("Error: ")
    return done.stderr


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def key(run_command: Command, key_file: Path) -> str:
    auth.add(key_file, "another")
    made = run_command("api-key", "tester", "--file", key_file)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture(scope="module")
def server(linear_run: Path, key: str, key_file: Path) -> Generator[Served]:
    options = ["--model", linear_run, "--api-key-file", key_file, "--cors-origins", f"{ORIGIN}, http://b.example:81"]
    with served(*options) as server:
        yield server


def documented(server: Served) -> Iterable[tuple[str, str]]:
    """Every method and path that the server's own description has."""
    for path, item in server.get("/openapi.json").json()["paths"].items():
        for method in {"get", "post"} & set(item):
            yield method.upper(), path.format(name="digits", version="1")


def test_without_a_key_everything_is_refused_but_health_and_pages(server: Served, key: str) -> None:
    with server.client() as client:
        for path in OPEN:
            assert client.get(path).status_code in (200, 404), path
        routes = {*GUARDED, *documented(server)} - {("GET", path) for path in OPEN}
        for method, path in routes:
            wrong = ("X-API-Key", key[:-1]), ("Authorization", f"Basic {key}"), ("Authorization", "Bearer")
            for name, value in (("X-None", ""), *wrong, ("X-API-Key", "ÿ" * 99), ("X-API-Key", "another")):
                answer = client.request(method, path, headers=[(name.encode(), value.encode("latin-1"))])
                assert answer.status_code == 401, path
                assert answer.headers["www-authenticate"] == 'Bearer realm="inkdigit"'
                assert "X-API-Key" in answer.text


HEADERS = ["X-API-Key: {}", "x-api-key: {}", "Authorization: Bearer {}", "Authorization: bearer  {}"]


@pytest.mark.parametrize("header", HEADERS)
def test_with_the_key_in_either_header_all_is_open(server: Served, key: str, header: str) -> None:
    name, _, value = header.format(key).partition(": ")
    with server.client(headers={name: value}) as client:
        assert client.post("/v1/digits", json=PIXELS).status_code == 200
        for method, path in {*GUARDED, *documented(server)}:
            assert client.request(method, path).status_code not in (401, 403, 404), path


def test_a_key_is_asked_for_before_anything_is_read(server: Served) -> None:
    answer = server.post("/v1/digits", content=b"x" * (9 << 20), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 401


def test_keys_are_stored_as_hashes_only_for_their_owner(key: str, key_file: Path) -> None:
    text = key_file.read_text()
    assert re.fullmatch(r"another:[0-9a-f]{64}\ntester:[0-9a-f]{64}\n", text)
    assert key not in text
    assert len(key) >= 43  # 256 bits
    assert key_file.stat().st_mode & 0o77 == 0
    assert auth.Keys.read(key_file).owner(key) == "tester"


def test_a_wrong_key_file_is_told(run_command: Command, key: str, key_file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    cases = {
        "another:abc\n": "line 1 is not name:hash",
        f"# mine\n{key}\n": "line 2 is not name:hash",
        "# no keys yet\n": "holds no API key",
        "": "holds no API key",
    }
    for text, words in cases.items():
        damaged.write_text(text)
        told = one_sentence(run_command("serve", "--port", 0, "--api-key-file", damaged))
        assert words in told
        assert "inkdigit api-key NAME" in told
        assert key not in told
    damaged.write_bytes(b"\xff\xfe")
    assert "it is no text" in one_sentence(run_command("serve", "--port", 0, "--api-key-file", damaged))
    for path in (tmp_path, tmp_path / "nothing"):
        assert "cannot be read" in one_sentence(run_command("serve", "--port", 0, "--api-key-file", path))
    before = key_file.read_bytes()
    assert "has a key of tester already" in one_sentence(run_command("api-key", "tester", "--file", key_file))
    assert "is no name for a key" in one_sentence(run_command("api-key", "a:b", "--file", key_file))
    assert key_file.read_bytes() == before


def test_comments_and_several_keys_of_one_owner_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first = auth.add(file, "me")
    old = file.read_text()
    file.unlink()
    second = auth.add(file, "me")
    file.write_text(f"# mine\n\n  {old.strip()}  # the old one\n{file.read_text()}")
    known = auth.Keys.read(file)
    assert [known.owner(key) for key in (first, second, "", first + " ")] == ["me", "me", None, None]


def preflight(server: Served, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-api-key",
    }
    with server.client() as client:
        return client.options("/v1/digits", headers=headers)


def test_pages_of_the_origins_that_are_set_may_ask_and_others_not(server: Served, key: str) -> None:
    for origin in (ORIGIN, "http://b.example:81"):
        allowed = preflight(server, origin)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == origin
        assert "x-api-key" in allowed.headers["access-control-allow-headers"].lower()
    refused = preflight(server, OTHER)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    with server.client() as client:
        for headers, status in (({"X-API-Key": key}, 200), ({}, 401)):  # a page can read why it is refused
            answer = client.post("/v1/digits", json=PIXELS, headers={"Origin": ORIGIN, **headers})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "access-control-allow-credentials" not in answer.headers
        answer = client.post("/v1/digits", json=PIXELS, headers={"Origin": OTHER, "X-API-Key": key})
        assert "access-control-allow-origin" not in answer.headers


def test_without_origins_set_no_other_page_may_ask(linear_run: Path) -> None:
    with served("--model", linear_run) as server:
        refused = preflight(server, ORIGIN)
        assert refused.status_code == 405
        with server.client() as client:
            answer = client.post("/v1/digits", json=PIXELS, headers={"Origin": ORIGIN})
        for headers in (refused.headers, answer.headers):
            assert not [name for name in headers if name.startswith("access-control")]


def test_pages_run_nothing_and_load_nothing_from_elsewhere(server: Served) -> None:
    for path in ("/", "/docs"):
        page = server.get(path)
        if path == "/docs" and page.status_code == 404:
            continue
        parts = [part.strip().partition(" ") for part in page.headers["content-security-policy"].split(";")]
        policy = {name: value for name, _, value in parts}
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)


def test_neither_pictures_nor_keys_are_logged(server: Served, key: str) -> None:
    with server.client() as client:
        pixels = {"pixels": [[123] * 28] * 28}
        client.post("/v1/digits", json=pixels, headers={"X-API-Key": key, "X-Request-ID": "seen"})
        client.post("/v1/digits", content=b'{"pixels": "a secret"}', headers={"X-API-Key": key})
        client.post("/v1/digits?show=secret", json=pixels, headers={"Authorization": f"Bearer {key}"})
        client.post("/v1/digits", json=pixels, headers={"X-API-Key": f"{key}wrong", "X-Request-ID": "last"})
    eventually(lambda: [line for line in server.log() if line.get("id") == "last"], "the last line")
    text = server.log_file.read_text()
    assert '"id":"seen"' in text
    for secret in (key, "secret", "123,123", "pixels"):
        assert secret not in text


def test_a_public_address_without_keys_is_warned_of(linear_run: Path, key_file: Path, key: str) -> None:
    warning = "Warning: Whoever reaches 0.0.0.0 can use this server: --api-key-file"
    with served("--model", linear_run, "--host", "0.0.0.0") as server:
        assert warning in server.log_file.read_text()
    with served("--model", linear_run, "--host", "0.0.0.0", "--api-key-file", key_file) as server:
        assert "Warning" not in server.log_file.read_text()
    with served("--model", linear_run) as server:
        assert "Warning" not in server.log_file.read_text()
