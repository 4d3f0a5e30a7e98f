"""A path, folder, pattern or URL -> the files of a collection, cut into parts."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inkdigit.bulk.location import Location, locate, read_errors
from inkdigit.bulk.parts import HEAD_BYTES, Part, picture_parts, row_parts
from inkdigit.data.image_folder import SUFFIXES
from inkdigit.data.loading import PICTURE_STARTS
from inkdigit.errors import InkdigitError

PART_PAGES, PART_DIGITS = 32, 512  # pictures of a part: of pages or lines, and of one digit each

_PICTURE_SUFFIXES = (*SUFFIXES, ".pdf")
_NOTE_SUFFIXES = (".txt", ".md", ".csv", ".json", ".jsonl", ".toml", ".ini", ".db", ".html", ".xml")  # beside pictures
_NOTE_SUFFIXES_BESIDE_ROWS = tuple(set(_NOTE_SUFFIXES) - {".csv", ".txt"})


@dataclass(frozen=True)
class Collection:
    """What a job works on.

    Attributes:
        folder: what the names of files are relative to.
        parts: in the order of the files' names and of the rows within them.
        fingerprint: a hash that changes with the files, their sizes and their versions.
        pictures: whether the files are pictures, rather than rows of pixels.
    """

    folder: Location
    parts: Sequence[Part]
    fingerprint: str
    pictures: bool

    @property
    def rows(self) -> int:
        """The rows, or pictures, of all parts."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    version: str


def find(source: str, excluded: Location, *, pictures_per_part: int = PART_PAGES) -> Collection:
    """A path, pattern with * or URL -> the collection of one file, of all files below a folder, or of those that match.

    Where at least one file is a picture, all are taken for pictures, except notes (.txt, .csv, …). Hidden files are
    left out. A file that cannot be read is a part of one row.

    Args:
        source: the path or URL.
        excluded: where the predictions go; nothing there belongs to the collection.
        pictures_per_part: at most.

    Raises:
        InkdigitError: there are no files (`source-empty`, `file-not-found`), or none can be read (the first one's
            code), or the source lies in `excluded` (`source-in-out`).
        UnreachableError: another machine does not respond.
    """
    location = locate(source)
    folder, files = _list_files(source, location, excluded)
    single = len(files) == 1 and not location.system.isdir(location.path)
    has_picture_name = any(file.name.lower().endswith(_PICTURE_SUFFIXES) for file in files)
    pictures = has_picture_name or (single and _is_picture(folder, files[0]))
    if pictures:
        chosen = [file for file in files if single or not file.name.lower().endswith(_NOTE_SUFFIXES)]
        parts = list(picture_parts([file.name for file in chosen], pictures_per_part))
    else:
        chosen = [file for file in files if single or not _is_note_beside_rows(file.name.lower())]
        found = (part for file in chosen for part in row_parts(folder, file.name, file.size, labels_refused=single))
        parts = [replace(part, number=number) for number, part in enumerate(found)]
    if parts and all(part.problem for part in parts):
        raise InkdigitError(str(parts[0].problem), code=parts[0].problem_code)
    if not parts:
        raise InkdigitError(
            f"{source} holds neither digits nor pictures: name Parquet, CSV, IDX or picture files.",
            code="source-empty",
        )
    digest = hashlib.sha256()
    for item in (*chosen, *parts):
        digest.update(repr(item).encode("utf-8", "backslashreplace"))
    return Collection(folder, parts, digest.hexdigest(), pictures)


def _list_files(source: str, location: Location, excluded: Location) -> tuple[Location, list[_File]]:
    """The folder that names are relative to, and the files, by name."""
    system = location.system
    if excluded.system == system and f"{location.path.rstrip('/')}/".startswith(excluded.join("")):
        raise InkdigitError(
            f"{source} lies in {excluded.path}, where the predictions go: name a folder outside for them.",
            code="source-in-out",
        )
    with read_errors(source, is_local=location.is_local):
        system.invalidate_cache()
        found, root = _matches(source, location)
    root = root.rstrip("/")
    files = [
        _File(name[len(root) :].lstrip("/"), int(info.get("size") or 0), _version(name, info))
        for name, info in sorted(found.items())
        if _is_file(system, name, info) and not (excluded.system == system and name.startswith(excluded.join("")))
    ]
    hidden = (".", "__MACOSX")
    shown = [file for file in files if file.name and not any(step.startswith(hidden) for step in file.name.split("/"))]
    if not shown:
        raise InkdigitError(f"{source} holds no files: name a folder with digits or pictures.", code="source-empty")
    return Location(system, root), shown


def _matches(source: str, location: Location) -> tuple[dict[str, Any], str]:
    """What the file system says of each file, by path, and the folder that all of them are in."""
    system, path = location.system, location.path
    if any(letter in path for letter in "*?[") and not system.exists(path):
        root = posixpath.dirname(path[: min(path.find(letter) for letter in "*?[" if letter in path)])
        return system.glob(path, detail=True), root
    if system.isfile(path):
        return {path: system.info(path)}, posixpath.dirname(path)
    if system.isdir(path):
        # On this machine fsspec would leave out a folder that cannot be read, without an error.
        return system.find(path, detail=True, **({"on_error": "raise"} if location.is_local else {})), path
    raise InkdigitError(f"{source} does not exist: check the name and the folder.", code="file-not-found")


def _is_file(system: Any, name: str, info: dict[str, Any]) -> bool:
    """Whether it is a file, or a link to anything but a folder: links to folders may go in circles.

    A link to nothing counts, so that it has a row with an error. S3's console makes folders as objects whose names end
    in a slash.
    """
    return not name.endswith("/") and (info["type"] == "file" or bool(info.get("islink") and not system.isdir(name)))


def _version(name: str, info: dict[str, Any]) -> str:
    """A text that changes when the file does; what it is depends on the file system."""
    if info.get("islink"):  # the link's own time is not the file's
        with suppress(OSError):
            return str(Path(name).stat().st_mtime_ns)
    known = (info.get(key) for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated"))
    return str(next((value for value in known if value), ""))


def _is_picture(folder: Location, file: _File) -> bool:
    with read_errors(file.name, is_local=folder.is_local), folder.system.open(folder.join(file.name), "rb") as stream:
        head = stream.read(HEAD_BYTES)
    return head.startswith(PICTURE_STARTS) or b"%PDF-" in head


def _is_note_beside_rows(name: str) -> bool:
    """Whether it is a note, or what other programs leave beside their Parquet files, such as _SUCCESS."""
    return name.endswith(_NOTE_SUFFIXES_BESIDE_ROWS) or posixpath.basename(name).startswith("_")
