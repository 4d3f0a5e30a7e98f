"""Files with pages are taken apart, one page at a time; what cannot be read is refused."""

from __future__ import annotations

import io
import struct
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inkdigit.errors import TooLargeError
from inkdigit.imaging import documents as module
from inkdigit.imaging.documents import pages
from tests.errors import refused
from tests.pages import file

pytest.importorskip("pypdfium2", reason="the pdf extra is not installed")


def sheet(number: int, size: tuple[int, int] = (300, 200)) -> Image.Image:
    """A page with a number of strokes."""
    page = Image.new("RGB", size, "white")
    for place in range(number):
        ImageDraw.Draw(page).line([(20 + 30 * place, 20), (20 + 30 * place, 150)], "black", 8)
    return page


def strokes(picture: Image.Image) -> int:
    """How many strokes a page has."""
    middle = np.asarray(picture.convert("L"))[picture.height // 2] < 128
    return int(np.count_nonzero(np.diff(middle.astype(int)) == 1))


SHEETS = [sheet(number) for number in (1, 2, 3)]
PDF = file("PDF", SHEETS[0], SHEETS[1:], resolution=100)
TIFF = file("TIFF", SHEETS[0], SHEETS[1:], compression="tiff_lzw")


@pytest.mark.parametrize("content", [PDF, TIFF], ids=["PDF", "TIFF"])
def test_pages_come_in_order_with_their_numbers(content: bytes) -> None:
    found = pages(content, "scan")
    assert [(page.number, page.name) for page in found] == [(n, f"scan, page {n}") for n in (1, 2, 3)]
    assert [strokes(page.picture()) for page in found] == [1, 2, 3]
    assert strokes(found[1].picture()) == 2  # once more, and out of turn


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_single_picture_has_no_page(kind: str) -> None:
    (page,) = pages(file(kind, SHEETS[1]), "scan")
    assert (page.number, page.name, strokes(page.picture())) == (None, "scan", 2)


def test_a_pdf_is_drawn_at_200_dpi_and_huge_paper_at_fewer() -> None:
    (small,) = pages(file("PDF", sheet(1, (1654, 2339)), resolution=200), "A4")
    assert small.picture().size == pytest.approx((1654, 2339), abs=2)
    (large,) = pages(file("PDF", sheet(1, (600, 400)), resolution=5), "a banner")  # 120 inches wide
    width, height = large.picture().size
    assert width * height <= 1.01 * module.MAX_PAGE_PIXELS
    assert width / height == pytest.approx(1.5, abs=0.01)
    (bounded,) = pages(file("PDF", sheet(1, (1654, 2339)), resolution=200), "A4", max_pixels=4_000_000)
    assert bounded.picture().size == pytest.approx((1654, 2339), abs=2)


def drawn_pdf(media_box: str, more: str = "") -> bytes:
    """A PDF of one page with a black bar."""
    draw = b"0 g 100 50 20 100 re f"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{media_box}] /Contents 4 0 R {more} >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(draw), draw),
    ]
    content, places = b"%PDF-1.4\n", list[int]()
    for number, part in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Root 1 0 R /Size 5 >>\nstartxref\n%d\n%%%%EOF" % len(content)
    return content + b"xref\n0 5\n0000000000 65535 f \n" + table + end


def test_a_crop_box_outside_the_page_is_ignored() -> None:
    (page,) = pages(drawn_pdf("0 0 300 200", "/CropBox [400 400 500 500]"), "scan")
    picture = page.picture()
    assert picture.size == pytest.approx((300 * 200 / 72, 200 * 200 / 72), abs=1)
    assert strokes(picture) == 1


def test_only_the_part_of_a_crop_box_on_the_page_is_drawn() -> None:
    (page,) = pages(drawn_pdf("0 0 300 200", "/CropBox [50 50 500 500] /Rotate 90"), "scan")
    assert page.picture().size == pytest.approx((150 * 200 / 72, 250 * 200 / 72), abs=1)


@pytest.mark.parametrize("box", ["0 0 20000000 0.1", "0 0 0.1 20000000", "0 0 9000000 9000000", "0 0 1e30 1e30"])
def test_no_page_is_drawn_with_more_pixels_than_allowed(box: str) -> None:
    (page,) = pages(drawn_pdf(box), "scan", max_pixels=1_000_000)
    picture = page.picture()
    assert picture.width * picture.height <= 1_000_000


def test_a_turned_photo_is_turned_only_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (page,) = pages(file("JPEG", sheet(3).transpose(Image.Transpose.ROTATE_90), exif=exif), "photo.jpg")
    picture = page.picture()
    assert picture.size == (300, 200)
    assert not picture.getexif()


def test_one_page_at_a_time_is_in_memory() -> None:
    blank = Image.new("L", (2000, 1500), 255)
    content = file("TIFF", blank, [blank] * 29, compression="tiff_adobe_deflate")
    tracemalloc.start()
    sizes = {page.picture().size for page in pages(content, "scan")}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == {(2000, 1500)}
    assert peak < 30_000_000


def test_several_threads_may_draw_one_pdf() -> None:
    found = pages(PDF, "scan") * 8
    drawn: list[int] = [0] * len(found)

    def draw(place: int) -> None:
        drawn[place] = strokes(found[place].picture())

    threads = [threading.Thread(target=draw, args=(place,)) for place in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [1, 2, 3] * 8


def encrypted() -> bytes:
    """A PDF that says that it is encrypted, with a password that nobody knows."""
    entry = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >> /ID [<00> <00>]" % (
        b"11" * 32,
        b"22" * 32,
    )
    return PDF.replace(b"trailer\n<<", b"trailer\n<< " + entry, 1)


def cut_tiff() -> bytes:
    """A TIFF whose second page leads to nowhere."""
    count = struct.unpack("<H", TIFF[(start := struct.unpack("<I", TIFF[4:8])[0]) :][:2])[0]
    place = start + 2 + 12 * count
    return TIFF[:place] + struct.pack("<I", len(TIFF) - 3) + TIFF[place + 4 :]


BAD = {
    "half a PDF": (PDF[: len(PDF) // 2], "file-damaged"),
    "a PDF's first line": (b"%PDF-1.7\n", "file-damaged"),
    "an encrypted PDF": (encrypted(), "file-encrypted"),
    "a TIFF's first bytes": (TIFF[:12], "picture-format-unknown"),
    "letters": (b"Dear all", "picture-format-unknown"),
    "nothing": (b"", "picture-format-unknown"),
    "a GIF of several frames": (file("GIF", SHEETS[0], SHEETS[1:]), "picture-has-frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_is_refused(name: str) -> None:
    content, code = BAD[name]
    with refused(code, "scan") as caught:
        [page.picture() for page in pages(content, "scan")]
    assert "\n" not in str(caught.value)


def test_a_damaged_page_does_not_keep_the_others_from_being_read() -> None:
    first, second = pages(cut_tiff(), "scan")
    assert strokes(first.picture()) == 1
    with refused("file-damaged", "scan, page 2"):
        second.picture()


def test_too_many_pages_and_too_large_pictures_are_refused() -> None:
    for content in (PDF, TIFF):
        with refused("pages-too-many", "scan", 2) as caught:
            pages(content, "scan", max_pages=2)
        assert isinstance(caught.value, TooLargeError)
    assert len(pages(TIFF, "scan", max_pages=3)) == 3
    for content in (PDF, TIFF, file("PNG", SHEETS[0])):
        page = pages(content, "scan", max_pixels=59_999)[0]
        with refused("picture-too-large", "300 x 200", "59,999"):
            page.picture()


def test_without_the_extra_a_pdf_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdfium2", None)  # as where it is not installed
    with refused("extra-missing", "scan.pdf", "inkdigit[pdf]"):
        pages(PDF, "scan.pdf")


def test_the_kind_of_a_file_follows_from_its_content_and_not_from_its_name(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(b"\n" * 20 + PDF)
    assert len(pages(path.read_bytes(), str(path))) == 3
    assert Image.open(io.BytesIO(TIFF)).n_frames == 3  # type: ignore[attr-defined]
