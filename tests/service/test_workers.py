"""When a process that ended is replaced, and when the server gives up."""

from __future__ import annotations

from inkdigit.service.workers import RestartPolicy


def test_pauses_grow_and_the_reason_is_new_once() -> None:
    policy = RestartPolicy((1, 2, 4))
    assert policy.ended() == 1
    assert policy.failed("no manifest") == (2, True)
    assert policy.failed("no manifest") == (4, False)
    assert not policy.has_given_up
    policy.failed("no manifest")
    assert policy.has_given_up


def test_another_reason_is_new() -> None:
    policy = RestartPolicy((1, 2, 4))
    policy.failed("no manifest")
    assert policy.failed("no model")[1]


def test_a_process_that_serves_makes_the_pauses_short_again() -> None:
    policy = RestartPolicy((1, 2, 4))
    policy.failed("no manifest")
    policy.started()
    assert policy.ended() == 1
    assert policy.failed("no manifest") == (2, True)
