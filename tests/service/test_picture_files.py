"""Picture files of all kinds to /v1/digits: which are read, which are refused, and which show nothing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Generator

import numpy as np
import pytest
from PIL import Image

from tests.service.conftest import check_problem
from tests.service.inprocess import LocalService, local_service
from tests.service.picture_files import saved, seven

PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def server() -> Generator[LocalService]:
    """With the model that ships. In the end nothing went wrong inside."""
    with local_service() as server:
        yield server
        metrics = server.get("/metrics").text
        assert 'route="/v1/digits",status="422"' in metrics
        assert 'status="5' not in metrics


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


def test_blank_pixels_are_no_digit_beside_others(server: LocalService) -> None:
    blank, white = [[0] * 28] * 28, [[255] * 28] * 28
    first, second, third = server.post("/v1/digits", json={"pixels": [white, blank, white]}).json()["results"]
    assert first == third
    assert sum(first["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert second["digit"] is None
    assert second["reason"]


@pytest.mark.parametrize("brightest", [1, 16])
def test_scaled_pixels_are_refused(server: LocalService, brightest: int) -> None:
    image = [[brightest] * 28] * 28
    answer = server.post("/v1/digits", json={"pixels": image})
    assert (answer.status_code, answer.json()["field"]) == (422, "pixels")
    assert server.post("/v1/models/digits:predict", json={"instances": [image]}).status_code == 400
    tensor = {"name": "pixels", "shape": [1, 28, 28], "datatype": "FP32", "data": 784 * [float(brightest)]}
    assert server.post("/v2/models/digits/infer", json={"inputs": [tensor]}).status_code == 400
    raw = {"Inference-Header-Content-Length": "0"}
    assert server.post("/v2/models/digits/infer", content=bytes([brightest]) * 784, headers=raw).status_code == 400


def test_a_blank_image_is_an_error_in_the_protocols_own_form(server: LocalService) -> None:
    white, blank = [[255] * 28] * 28, [[0] * 28] * 28
    answer = server.post("/v1/models/digits:predict", json={"instances": [white, blank]})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("instances[1]")
    answer = server.post(
        "/v2/models/digits/infer",
        content=bytes(784),
        headers={"Inference-Header-Content-Length": "0"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("inputs[0].data[0]")
