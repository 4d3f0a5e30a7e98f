"""API keys, pages of other origins, and what must stay secret."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest

from inkdigit.service.api_keys import Keys, add_key
from inkdigit.service.server import check_keys
from inkdigit.service.settings import ServiceSettings
from tests.errors import refused
from tests.service.conftest import PIXELS
from tests.service.inprocess import LocalService, local_service

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


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys"


@pytest.fixture(scope="module")
def key(key_file: Path) -> str:
    add_key(key_file, "another")
    return add_key(key_file, "tester")


@pytest.fixture(scope="module")
def server(linear_run: Path, key: str, key_file: Path) -> Generator[LocalService]:
    origins = f"{ORIGIN}, http://b.example:81"
    with local_service(linear_run, api_key_file=str(key_file), cors_origins=origins) as server:
        yield server


def documented(server: LocalService) -> Iterable[tuple[str, str]]:
    """Every method and path in the server's OpenAPI document."""
    for path, item in server.get("/openapi.json").json()["paths"].items():
        for method in {"get", "post"} & set(item):
            yield method.upper(), path.format(name="digits", version="1")


def test_without_a_key_only_health_and_pages_are_open(server: LocalService, key: str) -> None:
    for path in OPEN:
        assert server.get(path).status_code == 200, path
    routes = {*GUARDED, *documented(server)} - {("GET", path) for path in OPEN}
    wrong = ("X-API-Key", key[:-1]), ("Authorization", f"Basic {key}"), ("Authorization", "Bearer")
    for method, path in routes:
        for name, value in (("X-None", ""), *wrong, ("X-API-Key", "ÿ" * 99), ("X-API-Key", "another")):
            answer = server.request(method, path, headers=[(name.encode(), value.encode("latin-1"))])
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == 'Bearer realm="inkdigit"'


HEADERS = ["X-API-Key: {}", "x-api-key: {}", "Authorization: Bearer {}", "Authorization: bearer  {}"]


@pytest.mark.parametrize("header", HEADERS)
def test_with_the_key_in_either_header_all_is_open(server: LocalService, key: str, header: str) -> None:
    name, _, value = header.format(key).partition(": ")
    assert server.post("/v1/digits", json=PIXELS, headers={name: value}).status_code == 200
    for method, path in {*GUARDED, *documented(server)}:
        assert server.request(method, path, headers={name: value}).status_code not in (401, 403, 404), path


def test_the_key_is_checked_before_anything_is_read(server: LocalService) -> None:
    answer = server.post("/v1/digits", content=b"x" * (9 << 20), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 401


def test_keys_are_stored_as_hashes_only_for_their_owner(key: str, key_file: Path) -> None:
    text = key_file.read_text()
    assert re.fullmatch(r"another:[0-9a-f]{64}\ntester:[0-9a-f]{64}\n", text)
    assert key not in text
    assert len(key) >= 43  # 256 bits
    assert key_file.stat().st_mode & 0o77 == 0
    assert Keys.read(key_file).owner(key) == "tester"


WRONG_FILES = {
    "another:abc\n": ("api-keys-line-invalid", "line 1"),
    "# mine\nno hash\n": ("api-keys-line-invalid", "line 2"),
    "# no keys yet\n": ("api-keys-empty", ""),
    "": ("api-keys-empty", ""),
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_a_wrong_key_file_is_refused(tmp_path: Path, text: str) -> None:
    code, place = WRONG_FILES[text]
    file = tmp_path / "keys"
    file.write_text(text)
    with refused(code, file, place):
        Keys.read(file)


def test_a_key_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"\xff\xfe")
    with refused("file-damaged", damaged):
        Keys.read(damaged)
    with refused("file-unreadable", tmp_path):
        Keys.read(tmp_path)
    with refused("file-not-found", tmp_path / "nothing"):
        Keys.read(tmp_path / "nothing")


def test_a_line_with_a_key_in_place_of_its_hash_is_not_repeated(tmp_path: Path) -> None:
    secret = add_key(tmp_path / "keys", "me")
    (tmp_path / "keys").write_text(secret)
    with refused("api-keys-line-invalid") as error:
        Keys.read(tmp_path / "keys")
    assert secret not in str(error.value)


def test_a_taken_or_invalid_name_is_refused_and_the_file_kept(key: str, key_file: Path) -> None:
    before = key_file.read_bytes()
    with refused("api-key-name-taken", key_file, "tester"):
        add_key(key_file, "tester")
    with refused("api-key-name-invalid", "a:b"):
        add_key(key_file, "a:b")
    assert key_file.read_bytes() == before


def test_comments_and_several_keys_of_one_owner_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first = add_key(file, "me")
    old = file.read_text()
    file.unlink()
    second = add_key(file, "me")
    file.write_text(f"# mine\n\n  {old.strip()}  # the old one\n{file.read_text()}")
    known = Keys.read(file)
    assert [known.owner(key) for key in (first, second, "", first + " ")] == ["me", "me", None, None]


def preflight(server: LocalService, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-api-key",
    }
    return server.request("OPTIONS", "/v1/digits", headers=headers)


def test_pages_of_the_set_origins_may_call_the_api_and_others_not(server: LocalService, key: str) -> None:
    for origin in (ORIGIN, "http://b.example:81"):
        allowed = preflight(server, origin)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == origin
        assert "x-api-key" in allowed.headers["access-control-allow-headers"].lower()
    refused = preflight(server, OTHER)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    for headers, status in (({"X-API-Key": key}, 200), ({}, 401)):  # a page can read why it is refused
        answer = server.post("/v1/digits", json=PIXELS, headers={"Origin": ORIGIN, **headers})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers
    answer = server.post("/v1/digits", json=PIXELS, headers={"Origin": OTHER, "X-API-Key": key})
    assert "access-control-allow-origin" not in answer.headers


def test_without_set_origins_no_other_page_may_call_the_api(linear_run: Path) -> None:
    with local_service(linear_run) as server:
        preflighted = preflight(server, ORIGIN)
        assert preflighted.status_code == 405
        answer = server.post("/v1/digits", json=PIXELS, headers={"Origin": ORIGIN})
        for headers in (preflighted.headers, answer.headers):
            assert not [name for name in headers if name.startswith("access-control")]


def test_pages_run_nothing_and_load_nothing_from_elsewhere(server: LocalService) -> None:
    for path in ("/", "/docs"):
        page = server.get(path)
        parts = [part.strip().partition(" ") for part in page.headers["content-security-policy"].split(";")]
        policy = {name: value for name, _, value in parts}
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)


def test_neither_pictures_nor_keys_are_logged(
    server: LocalService, key: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = {"pixels": [[123] * 28] * 28}
    server.post("/v1/digits", json=pixels, headers={"X-API-Key": key, "X-Request-ID": "seen"})
    server.post("/v1/digits", content=b'{"pixels": "a secret"}', headers={"X-API-Key": key})
    server.post("/v1/digits?show=secret", json=pixels, headers={"Authorization": f"Bearer {key}"})
    server.post("/v1/digits", json=pixels, headers={"X-API-Key": f"{key}wrong", "X-Request-ID": "last"})
    text = capfd.readouterr().err
    assert '"id":"seen"' in text
    assert '"id":"last"' in text
    for secret in (key, "secret", "123,123", "pixels"):
        assert secret not in text


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("host", "guarded", "warnings"),
    [("127.0.0.1", False, 0), ("::1", False, 0), ("0.0.0.0", False, 1), ("0.0.0.0", True, 0)],
)
def test_a_public_address_without_keys_causes_a_warning(
    key_file: Path, host: str, guarded: bool, warnings: int
) -> None:
    seen: list[str] = []
    check_keys(ServiceSettings(host=host, api_key_file=str(key_file) if guarded else ""), seen.append)
    assert len(seen) == warnings
    assert all(host in warning for warning in seen)


def test_keys_added_at_once_are_all_kept(tmp_path: Path) -> None:
    names = [f"client-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(partial(add_key, tmp_path / "keys"), names))
    found = Keys.read(tmp_path / "keys")
    assert [found.owner(key) for key in keys] == names
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_key_file_keeps_its_mode_and_group(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    add_key(file, "first")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    any_group = [12345] if os.geteuid() == 0 else os.getgroups()
    group = next((group for group in any_group if group != os.getgid()), os.getgid())
    os.chown(file, -1, group)
    add_key(file, "second")
    assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_gid) == (0o640, group)
