"""Invalid JSON, forms, types and parameters for /v1/digits: each gets its status and the place of the fault."""

from __future__ import annotations

import gzip
import json
from collections.abc import Generator
from typing import Any

import pytest

from tests.service.conftest import check_problem
from tests.service.inprocess import LocalService, local_service
from tests.service.picture_files import saved, seven

ONE = [[0] * 28] * 28
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Generator[LocalService]:
    """With the model that ships. In the end nothing went wrong inside."""
    with local_service() as server:
        yield server
        metrics = server.get("/metrics").text
        assert 'route="/v1/digits",status="422"' in metrics
        assert 'status="5' not in metrics


def with_pixel(value: str) -> bytes:
    """JSON with this value in the fourth row and sixth column."""
    rows = [["0"] * 28 for _ in range(28)]
    rows[3][5] = value
    lines = [f"[{','.join(row)}]" for row in rows]
    return f'{{"pixels": [{",".join(lines)}]}}'.encode()


def dumped(content: Any) -> bytes:
    return json.dumps(content).encode()


BAD_JSON: dict[str, tuple[bytes, int, str | None]] = {
    "nothing": (b"", 400, "body"),
    "no JSON": (b"seven", 400, "body"),
    "half of it": (dumped({"pixels": ONE})[:-20], 400, "body"),
    "more than one": (dumped({"pixels": ONE}) * 2, 400, "body"),
    "invalid UTF-8": (b'{"image": "\xff\xfe"}', 400, "body"),
    "invalid UTF-8 in a name": (b'{"\xff": 1}', 400, "body"),
    "half of a surrogate": (b'{"image": "\\ud800"}', 400, "body"),
    "UTF-16": (json.dumps({"pixels": ONE}).encode("utf-16"), 400, "body"),
    "a byte order mark": (b"\xef\xbb\xbf" + dumped({"pixels": ONE}), 400, "body"),
    "NaN": (with_pixel("NaN"), 400, "body"),
    "infinity": (with_pixel("-Infinity"), 400, "body"),
    "a number": (b"7", 422, None),
    "null": (b"null", 422, None),
    "a list": (b"[]", 422, None),
    "a list of pixels": (dumped(ONE), 422, None),
    "an empty object": (b"{}", 422, None),
    "an unknown name": (dumped({"pixel": ONE}), 422, None),
    "a name too many": (dumped({"pixels": ONE, "more": 1}), 422, None),
    "both": (dumped({"pixels": ONE, "image": ""}), 422, None),
    "no list": (dumped({"pixels": 7}), 422, "pixels"),
    "pixels of null": (dumped({"pixels": None}), 422, "pixels"),
    "pixels as a string": (dumped({"pixels": "0" * 784}), 422, "pixels"),
    "no image": (dumped({"pixels": []}), 422, "pixels"),
    "no rows": (dumped({"pixels": [[]]}), 422, "pixels[0]"),
    "no rows in the second image": (dumped({"pixels": [ONE, []]}), 422, "pixels[1]"),
    "a row too few": (dumped({"pixels": ONE[1:]}), 422, "pixels"),
    "a row too many": (dumped({"pixels": [*ONE, ONE[0]]}), 422, "pixels"),
    "ragged rows": (dumped({"pixels": [*ONE[:7], [0] * 27, *ONE[8:]]}), 422, "pixels[7]"),
    "images of two sizes": (dumped({"pixels": [ONE, ONE[1:]]}), 422, "pixels[1]"),
    "784 numbers": (dumped({"pixels": [0] * 784}), 422, "pixels[0]"),
    "a list too deep": (dumped({"pixels": [[ONE]]}), 422, "pixels[0][0][0]"),
    "-1": (with_pixel("-1"), 422, "pixels[3][5]"),
    "256": (with_pixel("256"), 422, "pixels[3][5]"),
    "a fraction": (with_pixel("0.5"), 422, "pixels[3][5]"),
    "true": (with_pixel("true"), 422, "pixels[3][5]"),
    "a number as text": (with_pixel('"7"'), 422, "pixels[3][5]"),
    "a list for a pixel": (with_pixel("[0]"), 422, "pixels[3][5]"),
    "a huge integer": (with_pixel("9" * 5000), 422, "pixels[3][5]"),
    "a huge negative integer": (with_pixel("-" + "9" * 25), 422, "pixels[3][5]"),
    "a large float": (with_pixel("1e300"), 422, "pixels[3][5]"),
    "an endless exponent": (with_pixel("1e99999"), 422, "pixels[3][5]"),
    "brackets without end": (b"[" * 100_000, 422, None),
    "objects without end": (b'{"pixels":' * 100_000, 422, "pixels"),
    "pixels of brackets without end": (b'{"pixels":' + b"[" * 100_000, 422, "pixels[0][0][0]"),
    "an unknown name's brackets without end": (b'{"a":' + b"[" * 100_000, 422, None),
    "an image of null": (dumped({"image": None}), 422, "image"),
    "an image that is no base64": (dumped({"image": "seven!"}), 422, "image"),
    "base64 of nothing": (dumped({"image": ""}), 422, "image"),
    "base64 of no picture": (dumped({"image": "c2V2ZW4="}), 422, "image"),
    "base64 not ended": (dumped({"image": "c2V2ZW4"}), 422, "image"),
    "an address": (dumped({"image": "file:///etc/passwd"}), 422, "image"),
    "a data address": (dumped({"image": "data:image/png;base64,c2V2ZW4="}), 422, "image"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_refused_with_its_place(server: LocalService, name: str) -> None:
    content, status, field = BAD_JSON[name]
    check_problem(server.post("/v1/digits", content=content, headers=JSON), status, field)


KINDS = ["", "text/plain", "image/gif", "image/svg+xml", "image/*", "application/x-www-form-urlencoded", "application/"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_type_is_refused_with_the_accepted_ones(server: LocalService, kind: str) -> None:
    answer = server.post("/v1/digits", content=dumped({"pixels": ONE}), headers={"Content-Type": kind} if kind else {})
    check_problem(answer, 415, None)
    for accepted in ("image/png", "image/jpeg", "image/webp", "image/bmp", "application/json"):
        assert accepted in answer.json()["detail"]
    assert server.post("/v1/digits").status_code == 415


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
def test_a_compressed_body_is_refused_unread(server: LocalService, coding: str) -> None:
    content = gzip.compress(dumped({"pixels": ONE}))
    answer = server.post("/v1/digits", content=content, headers={**JSON, "Content-Encoding": coding})
    check_problem(answer, 415, None)


PART = 'Content-Disposition: form-data; name="file"; filename="a.png"'
BAD_FORMS: dict[str, tuple[str, bytes]] = {
    "no boundary": ("", b"--b\r\n\r\n--b--"),
    "an empty boundary": ("; boundary=", b"--\r\n\r\n----"),
    "a boundary too long": ("; boundary=" + "b" * 500, b"--" + b"b" * 500 + b"--"),
    "another boundary": ("; boundary=a", f"--b\r\n{PART}\r\n\r\nx\r\n--b--\r\n".encode()),
    "nothing": ("; boundary=b", b""),
    "nothing but its end": ("; boundary=b", b"--b--\r\n"),
    "text": ("; boundary=b", b"seven"),
    "a field": ("; boundary=b", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n7\r\n--b--\r\n'),
    "a part without a name": ("; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\n7\r\n--b--\r\n"),
    "a part without headers": ("; boundary=b", b"--b\r\n\r\n7\r\n--b--\r\n"),
    "an invalid header": ("; boundary=b", b"--b\r\n\xff\xfe\0\r\n\r\n7\r\n--b--\r\n"),
    "an unfinished header": ("; boundary=b", b"--b\r\nContent-Dispo"),
    "an unknown charset": ("; boundary=b; charset=none", f"--b\r\n{PART}\r\n\r\nx\r\n--b--\r\n".encode()),
    "a charset that is no text": ("; boundary=b; charset=zip", f"--b\r\n{PART}\r\n\r\nx\r\n--b--\r\n".encode()),
    "an empty file": ("; boundary=b", f"--b\r\n{PART}\r\n\r\n\r\n--b--\r\n".encode()),
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_bad_form_is_refused(server: LocalService, name: str) -> None:
    parameters, content = BAD_FORMS[name]
    answer = server.post("/v1/digits", content=content, headers={"Content-Type": f"multipart/form-data{parameters}"})
    check_problem(answer, 422, answer.json().get("field"))


def test_a_form_that_ends_too_early_is_refused(server: LocalService) -> None:
    content = f"--b\r\n{PART}\r\n\r\n".encode() + saved(seven())
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    check_problem(server.post("/v1/digits", content=content, headers=headers), 422, "body")
    whole = server.post("/v1/digits", content=content + b"\r\n--b--", headers=headers)
    assert whole.json()["results"][0]["digit"] == 7


@pytest.mark.parametrize(
    "query", ["show", "show=", "show=output", "show=input&show=input", "shown=input", "show=input&a=b"]
)
def test_a_wrong_parameter_is_refused(server: LocalService, query: str) -> None:
    check_problem(server.post(f"/v1/digits?{query}", json={"pixels": ONE}), 422, "show")
