"""A job's stages, timed and printed."""

from __future__ import annotations

import pytest

from inkdigit.utils.progress import Stage, Stopwatch


def ignore_stage(_: Stage) -> None:
    """Print nothing."""


def test_a_stage_is_timed_with_its_rate_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Stopwatch()
    with watch.stage("training", images=1000):
        pass
    with watch.stage("export", title="Writing the model"):
        pass
    training, export = watch.stages
    assert (training.name, training.heading) == ("training", "Training")
    assert training.images_per_second
    assert (export.name, export.heading, export.images_per_second) == ("export", "Writing the model", None)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Training: ")
    assert first.endswith(" images/s")
    assert second.startswith("Writing the model: ")


def test_the_time_of_an_interrupted_process_counts(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Stopwatch(show=ignore_stage)
    with watch.stage("training"):
        watch.earlier = 100.0
    assert watch.stages[0].seconds >= 100
    assert capsys.readouterr().out == ""


def test_a_stage_that_fails_is_not_counted() -> None:
    watch = Stopwatch(show=ignore_stage)
    with pytest.raises(ZeroDivisionError), watch.stage("training"):
        raise ZeroDivisionError
    assert watch.stages == []
