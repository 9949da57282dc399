import pytest

from simulators.differential import Comparison

SHADOW = [
    b'{"event":"market_status","sequence":1,"symbol":"ACME"}',
    b'{"event":"market_status","sequence":1,"symbol":"BLUE"}',
    b'{"event":"accepted","sequence":2,"symbol":"ACME","quantity":5}',
    b'{"event":"trade","sequence":3,"symbol":"ACME","quantity":5}',
]
ENDS = {"ACME": 3, "BLUE": 1}


def compare(items: list[bytes], before: dict[str, int] | None = None) -> Comparison:
    comparison = Comparison([line + b"\n" for line in SHADOW], before or {}, ENDS)
    for item in items:
        comparison.take(item, trade=b'"trade"' in item)
    return comparison


def test_the_same_events_agree_in_whatever_order_the_topics_are_read() -> None:
    for items in (SHADOW, SHADOW[::-1]):
        comparison = compare(items)
        report = comparison.report()
        assert comparison.complete
        assert report.agrees
        assert (report.compared, report.trades, report.first_difference) == (4, 1, None)


def test_a_changed_event_is_told() -> None:
    changed = SHADOW[3].replace(b'"quantity":5', b'"quantity":6')
    report = compare([*SHADOW[:3], changed]).report()
    assert not report.agrees
    assert report.different == 1
    assert report.first_difference is not None
    assert '"quantity":6' in report.first_difference


def test_fields_in_another_order_are_no_difference() -> None:
    reordered = b'{"symbol":"ACME","quantity":5,"event":"trade","sequence":3}'
    assert compare([*SHADOW[:3], reordered]).report().agrees


def test_a_missing_event_is_told() -> None:
    report = compare([SHADOW[0], SHADOW[1], SHADOW[3]]).report()
    assert not report.agrees
    assert report.missing == 2
    assert report.first_difference == f"ACME sequence 2 is missing: the shadow says {SHADOW[2].decode()}"


@pytest.mark.parametrize("again", [0, 3])
def test_an_event_that_comes_twice_is_told(again: int) -> None:
    report = compare([*SHADOW, SHADOW[again]]).report()
    assert not report.agrees
    assert report.repeated == 1


def test_what_came_before_or_after_the_run_is_passed_over() -> None:
    later = b'{"event":"trade","sequence":4,"symbol":"ACME","quantity":1}'
    stranger = b'{"event":"trade","sequence":1,"symbol":"ZZZ","quantity":1}'
    unnumbered = b'{"event":"rejected","symbol":"NONE","reason":"unknown_symbol"}'
    assert compare([later, stranger, unnumbered, *SHADOW]).report().agrees


def test_a_run_without_a_trade_proves_nothing() -> None:
    comparison = Comparison(SHADOW[:1], {}, {"ACME": 1})
    comparison.take(SHADOW[0], trade=False)
    assert comparison.complete
    assert not comparison.report().agrees
