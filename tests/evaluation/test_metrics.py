"""The figures of predictions: against published values, and by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.evaluation import metrics
from inkdigit.evaluation.metrics import evaluate, evaluation_table, percent, wilson_interval

NO_LABELS: NDArray[np.int64] = np.zeros(0, np.int64)


def sharp_rows(confidence: float, guesses: list[int]) -> NDArray[np.float32]:
    """Rows that give one digit that confidence and share the rest evenly."""
    rows = np.full((len(guesses), 10), (1 - confidence) / 9, np.float32)
    rows[np.arange(len(guesses)), guesses] = confidence
    return rows


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
    # table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_agrees_with_published_values(correct: int, total: int, low: float, high: float):
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=6e-5)
    mirrored = wilson_interval(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=6e-5)


def test_wilson_interval_reaches_one_where_all_are_correct():
    assert wilson_interval(20, 20)[1] == 1.0


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_interval_refuses_impossible_counts(correct: int, total: int):
    with pytest.raises(ValueError, match="no proportion"):
        wilson_interval(correct, total)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    # Twice the lower tail of Pascal's triangle, summed by hand, such as 2 · (1 + 10) / 2¹⁰.
    [(1, 9, 22 / 1024), (9, 1, 22 / 1024), (5, 12, 18804 / 131072), (0, 6, 2 / 64), (4, 4, 1.0), (0, 0, 1.0)],
)
def test_mcnemar_is_the_binomial_test_of_the_images_that_differ(only_first: int, only_second: int, p: float):
    assert metrics.mcnemar_test(only_first, only_second) == pytest.approx(p, rel=1e-12)


def test_mcnemar_is_exact_for_large_counts():
    # z = 200 / √28,000, with the continuity correction.
    assert metrics.mcnemar_test(14_100, 13_900) == pytest.approx(math.erfc(199 / math.sqrt(2 * 28_000)), rel=1e-3)
    assert metrics.mcnemar_test(28_000, 0) == 0.0


def test_difference_interval_agrees_with_a_published_value():
    # The example of PropCIs::diffpropci.mp, the R package's version of Agresti and Min's interval.
    assert metrics.difference_interval(20, 40, 160) == pytest.approx((-0.21601726, -0.03089632), abs=1e-8)
    assert metrics.difference_interval(40, 20, 160) == pytest.approx((0.03089632, 0.21601726), abs=1e-8)


def test_difference_interval_of_equals_still_has_a_width():
    low, high = metrics.difference_interval(0, 0, 1000)
    assert -0.01 < low < 0 < high < 0.01
    assert metrics.difference_interval(2, 0, 2)[1] <= 1


@pytest.mark.parametrize("counts", [(0, 0, 0), (3, 2, 4)])
def test_difference_interval_refuses_more_images_than_there_are(counts: tuple[int, int, int]):
    with pytest.raises(ValueError, match="no difference"):
        metrics.difference_interval(*counts)


def test_holm_adjusts_by_rank_and_keeps_the_order():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, none below the one before it.
    assert metrics.holm_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert metrics.holm_adjusted([0.03]) == [0.03]
    assert metrics.holm_adjusted([0.6, 0.7]) == [1.0, 1.0]


def test_confusion_matrix_has_truth_in_rows():
    matrix = metrics.confusion_matrix(np.array([9, 9, 4, 0]), np.array([4, 9, 4, 0]))
    assert matrix.shape == (10, 10)
    assert matrix.dtype == np.int64
    assert matrix[4, 9] == matrix[9, 9] == matrix[4, 4] == matrix[0, 0] == 1
    assert matrix.sum() == 4


def test_calibration_error_of_a_hand_made_case():
    # Half the rows are 90 % sure and 80 % right, half are 60 % sure and 60 % right: (0.1 + 0) / 2.
    rows = np.concatenate([sharp_rows(0.9, [1] * 10), sharp_rows(0.6, [1] * 10)])
    labels = np.array([1] * 8 + [2] * 2 + [1] * 6 + [2] * 4)
    assert metrics.expected_calibration_error(rows, labels, bins=2) == pytest.approx(0.05, abs=1e-6)


def test_calibration_error_of_certainty():
    rows, labels = sharp_rows(1.0, [3] * 40), np.full(40, 3)
    assert metrics.expected_calibration_error(rows, labels) == pytest.approx(0, abs=1e-6)
    assert metrics.expected_calibration_error(rows, labels + 1) == pytest.approx(1, abs=1e-6)


def test_reliability_curve_keeps_doubts_that_float32_confidences_lose():
    certain = np.full((5, 10), 3e-9, np.float32)
    certain[:, 1] = 1  # float32 cannot tell 1 - 2.7e-8 from 1
    rows = np.concatenate([sharp_rows(0.995, [1] * 30), sharp_rows(0.8, [1] * 10), certain])
    labels = np.array([1] * 28 + [2] * 2 + [1] * 8 + [2] * 2 + [1] * 5)
    certain_bin, sure, unsure = metrics.reliability_curve(rows, labels)
    assert (certain_bin.wrong, certain_bin.total) == (0, 5)
    assert certain_bin.doubt == pytest.approx(2.7e-8, rel=1e-3)
    assert (sure.wrong, sure.total, unsure.wrong, unsure.total) == (2, 30, 2, 10)
    assert (sure.doubt, unsure.doubt) == pytest.approx((0.005, 0.2), rel=1e-3)


def test_evaluate():
    labels = np.array([0, 0, 0, 1, 1, 9])
    result = evaluate(sharp_rows(0.9, [0, 0, 1, 1, 1, 0]), labels)
    assert (result.correct, result.total, result.accuracy) == (4, 6, pytest.approx(4 / 6))
    assert result.low < result.accuracy < result.high
    zero, one, two, nine = (result.per_class[digit] for digit in (0, 1, 2, 9))
    assert zero == {"digit": 0, "count": 3, "recall": 2 / 3, "precision": 2 / 3, "f1": 2 / 3}
    assert one == {"digit": 1, "count": 2, "recall": 1.0, "precision": 2 / 3, "f1": 0.8}
    assert two == {"digit": 2, "count": 0, "recall": None, "precision": None, "f1": None}
    assert nine == {"digit": 9, "count": 1, "recall": 0.0, "precision": None, "f1": 0.0}
    assert result.ece == pytest.approx(metrics.expected_calibration_error(sharp_rows(0.9, [0, 0, 1, 1, 1, 0]), labels))


def test_an_evaluation_can_be_written_as_json():
    result = evaluate(sharp_rows(0.9, [0, 1, 2]), np.array([0, 1, 3]))
    figures = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert figures["correct"] == 2
    assert figures["confusion"][3][2] == 1
    assert figures["per_class"][0]["recall"] == 1.0


def test_an_accuracy_is_printed_with_interval_and_count():
    guesses = np.zeros(28_000, np.int64)
    guesses[:106] = 1
    result = evaluate(np.eye(10, dtype=np.float32)[guesses], np.zeros(28_000, np.int64))
    assert str(result) == "99.62 % (95 % interval 99.54–99.69, 28,000 images)"
    assert percent(0.9962) == "99.62 %"


def test_the_table_names_every_digit():
    lines = evaluation_table(evaluate(sharp_rows(0.9, [0, 1, 2]), np.array([0, 1, 3]))).splitlines()
    assert lines[0].startswith("Accuracy 66.67 % (95 % interval ")
    assert [line.split()[0] for line in lines[3:13]] == [str(digit) for digit in range(10)]
    assert len({len(line) for line in lines[2:13]}) == 1
    assert "Calibration: expected calibration error" in lines[-1]


def test_the_most_confident_mistakes_come_first():
    rows = np.concatenate([sharp_rows(0.6, [1, 2]), sharp_rows(0.9, [3, 4]), sharp_rows(0.8, [5])])
    labels = np.array([1, 0, 0, 4, 0])
    assert metrics.confident_mistakes(rows, labels).tolist() == [2, 4, 1]
    assert metrics.confident_mistakes(rows, labels, count=1).tolist() == [2]


def test_typical_and_strange_rows_of_each_digit():
    rows = np.concatenate([sharp_rows(confidence, [7]) for confidence in (0.5, 0.9, 0.7, 0.8, 0.6)])
    typical, strange = metrics.typical_and_strange(rows, np.array([7, 7, 7, 7, 7]), count=3)
    assert typical.tolist() == [1, 3]  # the row in the middle is neither
    assert strange.tolist() == [0, 4]
    typical, strange = metrics.typical_and_strange(rows, np.array([7, 7, 3, 7, 7]), count=1)
    assert typical.tolist() == [1]  # a digit with a single row has nothing to compare it with
    assert strange.tolist() == [0]


def test_typical_rows_are_ordered_where_float32_confidences_are_all_one():
    doubts = np.array([1e-9, 1e-12, 1e-10])
    rows = np.zeros((6, 10), np.float32)
    rows[:3, 2], rows[:3, 5] = 1 - doubts, doubts
    rows[3:] = sharp_rows(0.5, [2, 2, 2])
    assert (rows[:3, 2] == 1).all()
    typical, _ = metrics.typical_and_strange(rows, np.full(6, 2))
    assert typical.tolist() == [1, 2, 0]


def test_nothing_to_evaluate_is_an_error():
    rows = np.zeros((0, 10), np.float32)
    for measure in (
        evaluate,
        metrics.expected_calibration_error,
        metrics.reliability_curve,
    ):
        with pytest.raises(ValueError, match="no rows"):
            measure(rows, NO_LABELS)
