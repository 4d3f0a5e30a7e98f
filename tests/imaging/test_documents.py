"""Files with pages are taken apart, one page at a time; what cannot be read is told in a sentence."""

from __future__ import annotations

import io
import struct
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inkdigit.errors import InkdigitError, TooLargeError
from inkdigit.imaging import documents as module
from inkdigit.imaging.documents import pages
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


def test_a_turned_photo_is_turned_once_whoever_reads_it() -> None:
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
    "half a PDF": (PDF[: len(PDF) // 2], "scan is a damaged PDF"),
    "a PDF's first line": (b"%PDF-1.7\n", "scan is a damaged PDF"),
    "an encrypted PDF": (encrypted(), "scan is encrypted: save it without a password."),
    "a TIFF's first bytes": (TIFF[:12], "scan is not a picture of a kind that is read"),
    "letters": (b"Dear all", "scan is not a picture of a kind that is read"),
    "nothing": (b"", "scan is not a picture of a kind that is read"),
    "a GIF of several frames": (file("GIF", SHEETS[0], SHEETS[1:]), "scan has several frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_damaged_is_told(name: str) -> None:
    content, sentence = BAD[name]
    with pytest.raises(InkdigitError) as told:
        [page.picture() for page in pages(content, "scan")]
    assert str(told.value).startswith(sentence)
    assert "\n" not in str(told.value)


def test_a_damaged_page_does_not_keep_the_others_from_being_read() -> None:
    first, second = pages(cut_tiff(), "scan")
    assert strokes(first.picture()) == 1
    with pytest.raises(InkdigitError, match=r"^scan, page 2 is a damaged picture"):
        second.picture()


def test_what_is_too_much_is_refused() -> None:
    with pytest.raises(TooLargeError, match=r"^scan has more than 2 pages"):
        pages(PDF, "scan", max_pages=2)
    with pytest.raises(TooLargeError, match=r"^scan has more than 2 pages"):
        pages(TIFF, "scan", max_pages=2)
    assert len(pages(TIFF, "scan", max_pages=3)) == 3
    for content in (PDF, TIFF, file("PNG", SHEETS[0])):
        page = pages(content, "scan", max_pixels=59_999)[0]
        with pytest.raises(TooLargeError, match=r"300 x 200 pixels, and at most 59,999"):
            page.picture()


def test_without_its_package_a_pdf_is_refused_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "reads_pdf", bool)
    with pytest.raises(InkdigitError, match=r'scan\.pdf is a PDF.*pip install "inkdigit\[pdf\]"'):
        pages(PDF, "scan.pdf")


def test_it_is_told_from_its_content_and_not_from_its_name(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(b"\n" * 20 + PDF)
    assert len(pages(path.read_bytes(), str(path))) == 3
    assert Image.open(io.BytesIO(TIFF)).n_frames == 3  # type: ignore[attr-defined]
