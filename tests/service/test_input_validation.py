"""Invalid JSON, forms, types and parameters for /v1/digits: each gets its status and the place of the fault."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pages import file
from tests.service.conftest import check_problem
from tests.service.inprocess import LocalService, local_service
from tests.service.picture_files import saved, seven

ONE = [[0] * 28] * 28
INKED = [[0] * 28] * 4 + [[0] * 13 + [255] * 3 + [0] * 12] * 20 + [[0] * 28] * 4
JSON = {"Content-Type": "application/json"}
CURLS = "application/x-www-form-urlencoded"  # what curl states unless it is given a type


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
    "783 numbers": (dumped({"pixels": [0] * 783}), 422, "pixels[0]"),
    "a pixel and a half": (dumped({"pixels": [[7.5] * 28] * 28}), 422, "pixels[0][0]"),
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


KINDS = ["text/plain", "application/", "application/xml", "audio/*"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_type_is_refused_with_the_accepted_ones(server: LocalService, kind: str) -> None:
    answer = server.post("/v1/digits", content=dumped({"pixels": ONE}), headers={"Content-Type": kind})
    check_problem(answer, 415, None)
    for accepted in ("image/png", "image/jpeg", "image/webp", "image/bmp", "application/json"):
        assert accepted in answer.json()["detail"]
    assert server.post("/v1/digits").status_code == 415


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x"])
def test_a_body_packed_in_another_way_is_refused(server: LocalService, coding: str) -> None:
    content = gzip.compress(dumped({"pixels": ONE}))
    answer = server.post("/v1/digits", content=content, headers={**JSON, "Content-Encoding": coding})
    check_problem(answer, 415, None)


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("coding", PACKERS)
def test_a_packed_body_is_unpacked_within_the_limit(server: LocalService, coding: str) -> None:
    pack, headers = PACKERS[coding], {**JSON, "Content-Encoding": coding}
    body = dumped({"pixels": INKED})
    answer = server.post("/v1/digits", content=pack(body), headers=headers)
    assert answer.json()["results"] == server.post("/v1/digits", content=body, headers=JSON).json()["results"]
    check_problem(server.post("/v1/digits", content=pack(bytes(9 << 20)), headers=headers), 413, None)
    for damaged in (body, pack(body)[:-3], pack(body) + b"more", b""):
        check_problem(server.post("/v1/digits", content=damaged, headers=headers), 400, "body")


FLAT = [pixel for row in INKED for pixel in row]
PNG = file("PNG", Image.fromarray(np.array(INKED, np.uint8)))
BASE64 = base64.b64encode(PNG).decode()
WRAPPED = base64.encodebytes(PNG).decode()
FORMS_OF_JSON: dict[str, bytes] = {
    "as floats": dumped({"pixels": [[float(pixel) for pixel in row] for row in INKED]}),
    "784 in a row": dumped({"pixels": FLAT}),
    "several of 784": dumped({"pixels": [FLAT]}),
    "28×28×1": dumped({"pixels": [[[pixel] for pixel in row] for row in INKED]}),
    "several of 28×28×1": dumped({"pixels": [[[[pixel] for pixel in row] for row in INKED]]}),
    "a byte order mark": b"\xef\xbb\xbf" + dumped({"pixels": INKED}),
}


@pytest.mark.parametrize("form", FORMS_OF_JSON)
def test_pixels_are_taken_in_other_forms(server: LocalService, form: str) -> None:
    expected = server.post("/v1/digits", json={"pixels": INKED}).json()["results"]
    for headers in (JSON, {}, {"Content-Type": CURLS}):
        answer = server.post("/v1/digits", content=FORMS_OF_JSON[form], headers=headers)
        assert answer.json()["results"] == expected


@pytest.mark.parametrize("image", [WRAPPED, f"data:image/png;base64,{BASE64}", f"data:image/png;base64,{WRAPPED}"])
def test_base64_is_taken_as_people_have_it(server: LocalService, image: str) -> None:
    expected = server.post("/v1/digits", json={"image": BASE64}).json()["results"]
    assert server.post("/v1/digits", json={"image": image}).json()["results"] == expected
    answer = server.post("/v1/models/digits:predict", json={"instances": [{"b64": image}]})
    np.testing.assert_allclose(answer.json()["predictions"][0], expected[0]["probabilities"], atol=1e-5)


STATED = ["", "image/png", "image/jpg", "image/x-png", "image/*", "application/octet-stream", CURLS]


@pytest.mark.parametrize("kind", STATED)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP", "AVIF"])
def test_the_content_of_a_picture_decides(server: LocalService, kind: str, form: str) -> None:
    content = file(form, Image.fromarray(255 - np.array(INKED, np.uint8)))
    answer = server.post("/v1/digits", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.json()["results"][0]["digit"] is not None


def test_a_forms_text_is_passed_over(server: LocalService) -> None:
    answer = server.post("/v1/digits", files={"file": ("a.png", PNG)}, data={"comment": "a seven"})
    assert len(answer.json()["results"]) == 1
    check_problem(server.post("/v1/digits", files={"comment": (None, "a seven")}), 422, "body")


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
