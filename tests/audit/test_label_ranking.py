"""Labels ranked by their loss, without a training."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

from inkdigit.audit.label_ranking import (
    LabelRanking,
    disagreeing_rows,
    draw_doubtful_labels,
    rank_by_loss,
    write_label_ranking,
)
from inkdigit.data.dataset import Dataset

LABELS = np.array([3, 5, 8, 1])


def ranking() -> tuple[Dataset, LabelRanking]:
    """Row 2 is read as another digit than its label, row 0 is doubtful, row 3's label has no probability at all."""
    probabilities = np.full((4, 10), 0.0)
    probabilities[0, [3, 4]] = 0.6, 0.4
    probabilities[1, 5] = 1
    probabilities[2, [8, 2]] = 0.1, 0.9
    probabilities[3, 7] = 1
    rows = Dataset(np.zeros((4, 28, 28), np.uint8), LABELS, "train.csv")
    return rows, rank_by_loss(rows, probabilities)


def test_the_most_doubtful_label_comes_first() -> None:
    assert ranking()[1].rows.tolist() == [3, 2, 0, 1]


def test_rows_whose_label_is_not_the_predicted_digit() -> None:
    assert disagreeing_rows(*ranking()).tolist() == [3, 2]


def test_the_file_has_every_row_in_that_order(tmp_path: Path) -> None:
    write_label_ranking(tmp_path / "doubtful.csv", *ranking())
    rows = list(csv.reader((tmp_path / "doubtful.csv").open()))
    assert rows[0] == ["row", "label", "read", "p_label", "p_read"]
    assert [row[0] for row in rows[1:]] == ["3", "2", "0", "1"]
    assert rows[2] == ["2", "8", "2", "0.1", "0.9"]


def test_the_picture_is_a_png() -> None:
    rows, found = ranking()
    picture = Image.open(io.BytesIO(draw_doubtful_labels(rows, found, disagreeing_rows(rows, found))))
    assert picture.format == "PNG"
    assert picture.width > 1000
