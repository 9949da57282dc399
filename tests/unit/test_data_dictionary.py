"""The data dictionary is what the code says."""

from stack.dictionary import PAGE, page


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run `make dictionary`"
