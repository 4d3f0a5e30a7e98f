"""Invalid and unusual requests to /v1/digits: each is answered with a status and the place of the fault."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Generator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.service.inprocess import LocalService, local_service

ONE = [[0] * 28] * 28
PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Generator[LocalService]:
    """With the model that ships. In the end nothing went wrong inside."""
    with local_service() as server:
        yield server
        metrics = server.get("/metrics").text
        assert 'route="/v1/digits",status="422"' in metrics
        assert 'status="5' not in metrics


def check_problem(answer: httpx.Response, status: int, field: str | None) -> None:
    """Problem details with this status and this place, in a sentence that is not too long."""
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem.get("field") == field
    assert set(problem) <= {"type", "title", "status", "detail", "field", "setting"}
    assert problem["detail"].endswith(".")
    assert len(problem["detail"]) < 400


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


def seven(size: tuple[int, int] = (200, 260), ink: int = 20, paper: int = 235) -> Image.Image:
    """A seven in grey, by default dark on light."""
    image = Image.new("L", size, paper)
    width, height = size
    corners = [(width * 0.2, height * 0.2), (width * 0.8, height * 0.2), (width * 0.4, height * 0.85)]
    ImageDraw.Draw(image).line(corners, fill=ink, width=max(1, width // 12), joint="curve")
    return image


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, pixels: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG file with this header and these bytes for its pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    )


def damaged(content: bytes) -> bytes:
    """The content with its middle overwritten."""
    middle = len(content) // 2
    return content[:middle] + bytes(range(100, 150)) + content[middle + 50 :]


def animated(kind: str) -> bytes:
    frames = [seven(), seven(ink=100)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


GIF = {"Content-Type": "image/gif"}
BAD_PICTURES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"seven",
    "a page": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "a PDF": lambda: b"%PDF-1.7\n",
    "Python's pickle": lambda: b"\x80\x04\x95\x10\x00\x00\x00\x00",
    "a GIF": lambda: saved(seven(), "GIF"),
    "a TIFF": lambda: saved(seven(), "TIFF"),
    "PostScript": lambda: saved(seven(), "EPS"),
    "an icon": lambda: saved(seven((64, 64)), "ICO"),
    "half a PNG": lambda: (whole := saved(seven()))[: len(whole) // 2],
    "half a JPEG": lambda: (whole := saved(seven(), "JPEG"))[: len(whole) // 2],
    "half a WebP": lambda: (whole := saved(seven(), "WEBP"))[: len(whole) // 2],
    "half a BMP": lambda: (whole := saved(seven(), "BMP"))[: len(whole) // 2],
    "a damaged PNG": lambda: damaged(saved(seven())),
    "a PNG without pixels": lambda: png(28, 28, b""),
    "a PNG of no size": lambda: png(0, 0, b""),
    "a PNG of colour 7": lambda: png(28, 28, bytes(29 * 28), colour=7),
    "nothing but a PNG's first bytes": lambda: b"\x89PNG\r\n\x1a\n",
    "a bomb": lambda: png(20_000, 20_000, bytes(1_000_000)),
    "a narrow bomb": lambda: png(2**31 - 1, 1, b""),
    "an animated PNG": lambda: animated("PNG"),
    "an animated WebP": lambda: animated("WEBP"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_file_that_is_not_one_picture_is_refused(server: LocalService, name: str) -> None:
    content = BAD_PICTURES[name]()
    check_problem(server.post("/v1/digits", content=content, headers=PNG), 422, "body")
    files = [("file", ("good.png", saved(seven()))), ("file", ("bad.png", content))]
    check_problem(server.post("/v1/digits", files=files), 422, "files[1]")


def grey_and_alpha() -> Image.Image:
    """Ink alone, on nothing."""
    ink = Image.new("L", (200, 260), 0)
    return Image.merge("LA", [ink, seven(ink=255, paper=0)])


GOOD_PICTURES: dict[str, Callable[[], bytes]] = {
    "grey": lambda: saved(seven()),
    "bright on dark": lambda: saved(seven(ink=250, paper=5)),
    "of 1 bit": lambda: saved(seven(ink=0, paper=255).convert("1")),
    "of 16 bits": lambda: saved(Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)),
    "colours": lambda: saved(seven().convert("RGB")),
    "a palette": lambda: saved(seven().convert("P")),
    "a palette with a transparent colour": lambda: saved(seven().convert("P"), transparency=235),
    "ink on nothing": lambda: saved(grey_and_alpha()),
    "ink on nothing, in colours": lambda: saved(grey_and_alpha().convert("RGBA")),
    "JPEG": lambda: saved(seven(), "JPEG"),
    "JPEG in CMYK": lambda: saved(seven().convert("CMYK"), "JPEG"),
    "JPEG, progressive": lambda: saved(seven().convert("RGB"), "JPEG", progressive=True),
    "JPEG, turned": lambda: saved(seven().rotate(90, expand=True), "JPEG", exif=turned(6)),
    "JPEG, turned nobody knows how": lambda: saved(seven(), "JPEG", exif=turned(0)),
    "WebP": lambda: saved(seven().convert("RGB"), "WEBP"),
    "WebP without loss": lambda: saved(seven().convert("RGBA"), "WEBP", lossless=True),
    "BMP": lambda: saved(seven(), "BMP"),
    "large": lambda: saved(seven((3000, 4000)), "JPEG"),
    "wide": lambda: saved(paste(seven(), (900, 300))),
    "small": lambda: saved(seven((26, 34))),
    "with more behind its end": lambda: saved(seven()) + bytes(1000),
}


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def paste(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    page = Image.new("L", size, 235)
    page.paste(image, (300, 20))
    return page


@pytest.mark.parametrize("name", GOOD_PICTURES)
def test_pictures_of_all_kinds_are_read(server: LocalService, name: str) -> None:
    content = GOOD_PICTURES[name]()
    for kind in ("image/png", "IMAGE/JPEG; charset=x"):  # the stated type need not be the true one
        answer = server.post("/v1/digits", content=content, headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        assert [result["digit"] for result in answer.json()["results"]] == [7]


BLANK: dict[str, Callable[[], bytes]] = {
    "white": lambda: saved(Image.new("L", (300, 300), 255)),
    "black": lambda: saved(Image.new("L", (300, 300), 0)),
    "grey": lambda: saved(Image.new("L", (300, 300), 128)),
    "one pixel": lambda: saved(Image.new("L", (1, 1), 255)),
    "nothing but transparency": lambda: saved(Image.new("RGBA", (300, 300), (0, 0, 0, 0))),
    "28×28, black": lambda: saved(Image.new("L", (28, 28), 0)),
    "a white JPEG": lambda: saved(Image.new("RGB", (300, 300), (255, 255, 255)), "JPEG"),
}


@pytest.mark.parametrize("name", BLANK)
def test_a_picture_without_ink_has_no_digit(server: LocalService, name: str) -> None:
    good, blank = saved(seven()), BLANK[name]()
    files = [("file", ("name", content)) for content in (good, blank, good)]
    results = server.post("/v1/digits?show=input", files=files).json()["results"]
    assert [result["digit"] for result in results] == [7, None, 7]
    assert set(results[1]) == {"digit", "reason"}
    alone = server.post("/v1/digits", content=blank, headers=PNG)
    assert alone.status_code == 200
    assert alone.json()["results"] == [results[1]]


def test_all_black_and_all_white_pixels_are_answered(server: LocalService) -> None:
    for value in (0, 255):
        answer = server.post("/v1/digits", json={"pixels": [[value] * 28] * 28})
        (result,) = answer.json()["results"]
        assert sum(result["probabilities"]) == pytest.approx(1, abs=1e-4)


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
