"""Rows of text in columns, for terminals and pipes alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.cells import cell_len, set_cell_size

GAP = "  "


def align_columns(rows: Sequence[Sequence[str]], right: Collection[int] = (), width: int | None = None) -> list[str]:
    """A line for each row, its cells padded to their column's width; the columns in `right` end in line.

    width: in cells, at most so wide as the first column can be made to give way; None leaves all cells whole.
    Much faster than rich's tables: a thousand rows take milliseconds.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        others = sum(widths[1:]) + len(GAP) * (len(widths) - 1)
        widths[0] = min(widths[0], max(width - others, 8))
    return [
        GAP.join(
            _padded(_clipped(cell, widths[column]), widths[column], right=column in right)
            for column, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]


def _padded(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space


def _clipped(cell: str, width: int) -> str:
    """The cell without its middle: names differ at the end as often as at the beginning."""
    if cell_len(cell) <= width:
        return cell
    end = cell[-(width // 2) :]
    return set_cell_size(cell, width - cell_len(end) - 1).rstrip() + "…" + end
