from __future__ import annotations

from orchestration.changes import changed


def test_at_first_everything_that_has_a_value_is_new() -> None:
    names, _ = changed(None, {"trades": 5, "alerts": None})
    assert names == ["trades"]


def test_only_what_moved_is_new() -> None:
    _, cursor = changed(None, {"trades": 5, "prices": 7})
    names, _ = changed(cursor, {"trades": 5, "prices": 8})
    assert names == ["prices"]


def test_what_was_not_seen_this_time_is_remembered() -> None:
    _, cursor = changed(None, {"trades": 5, "prices": 7})
    _, cursor = changed(cursor, {"trades": 6})
    assert changed(cursor, {"trades": 6, "prices": 7})[0] == []
