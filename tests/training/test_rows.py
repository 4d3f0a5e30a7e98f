"""Which rows a training holds out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inkdigit.data.dataset import Dataset
from inkdigit.training.config import Settings
from inkdigit.training.job import divide_rows
from tests.errors import refused

SETTINGS = Settings(seed=0, validation_share=0.04)


def make_rows(count: int) -> Dataset:
    """Rows whose images all differ."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) % 256, np.arange(count) // 256
    return Dataset(images, np.arange(count) % 10, "digits.csv")


def numbers(rows: Dataset) -> list[int]:
    """Which of `make_rows` these are."""
    return (rows.images[:, 0, 0] + 256 * rows.images[:, 0, 1].astype(int)).tolist()


@pytest.mark.parametrize(
    ("rows", "share", "held_out"),
    [
        (20_000, 0.04, 800),
        (20_000, 0.5, 10_000),
        (20_000, 0.001, 500),  # at least 500 …
        (1000, 0.04, 100),  # … or a tenth
        (105, 0.04, 10),
    ],
)
def test_the_share_is_held_out_but_at_least_500_rows_or_a_tenth(rows: int, share: float, held_out: int) -> None:
    used, train, validation = divide_rows(make_rows(rows), replace(SETTINGS, validation_share=share))
    assert len(validation) == held_out
    assert numbers(used) == list(range(rows))
    assert sorted(numbers(train) + numbers(validation)) == list(range(rows))


def test_labels_and_source_stay_with_their_images() -> None:
    for part in divide_rows(make_rows(200), SETTINGS):
        assert part.required_labels.tolist() == [number % 10 for number in numbers(part)]
        assert part.source == "digits.csv"


def test_the_seed_draws_the_rows_and_the_epochs_do_not() -> None:
    rows = make_rows(500)
    first, same, other = (
        numbers(divide_rows(rows, settings)[2])
        for settings in (SETTINGS, replace(SETTINGS, epochs=3), replace(SETTINGS, seed=1))
    )
    assert first == same
    assert first != other
    assert first != sorted(first)


def test_fewer_training_rows_leave_the_held_out_rows_the_same() -> None:
    rows = make_rows(500)
    _, all_train, validation = divide_rows(rows, SETTINGS)
    used, train, same = divide_rows(rows, replace(SETTINGS, training_rows=120))
    assert numbers(same) == numbers(validation)
    assert numbers(train) == numbers(all_train)[:120]
    assert numbers(used) == sorted(numbers(train) + numbers(same))


def test_rows_that_an_earlier_network_was_trained_on_are_held_out_last() -> None:
    rows = make_rows(500)
    _, train, validation = divide_rows(rows, SETTINGS)
    known = np.isin(np.arange(500), numbers(train))
    _, same_train, same_validation = divide_rows(rows, replace(SETTINGS, seed=9), known)
    assert sorted(numbers(same_validation)) == sorted(numbers(validation))
    assert sorted(numbers(same_train)) == sorted(numbers(train))

    known = np.arange(500) >= 20  # too few are unknown: known ones fill the share
    _, _, validation = divide_rows(rows, SETTINGS, known)
    assert len(validation) == 50
    assert set(range(20)) <= set(numbers(validation))


def test_too_few_rows_are_refused() -> None:
    with refused("rows-too-few", "digits.csv", 99):
        divide_rows(make_rows(99), SETTINGS)
    with refused("rows-too-few", "digits.csv", 901):
        divide_rows(make_rows(1000), replace(SETTINGS, training_rows=901))
    assert len(divide_rows(make_rows(1000), replace(SETTINGS, training_rows=900))[1]) == 900
