"""Files as bytes, to travel between the machines of a cluster, which need not share a file system."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from inkdigit.runs.run import MANIFEST, read_run, read_verified

Files = dict[str, bytes]  # contents by name


def pack_run(folder: Path, names: Collection[str] | None = None) -> Files:
    """A run folder -> its manifest and the files that the manifest names, verified.

    Args:
        folder: of the run.
        names: which of the files; None: all.

    Raises:
        InkdigitError: there is no run, or a file is not what the manifest says.
    """
    named = read_run(folder).manifest["files"]
    wanted = named if names is None else [name for name in named if name in names]
    manifest = (folder / MANIFEST).read_bytes()
    return {MANIFEST: manifest} | {name: read_verified(folder, name) for name in wanted}


def unpack(files: Files, folder: Path) -> None:
    """Write files into a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
