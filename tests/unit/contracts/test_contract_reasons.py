"""Each reason code has its sentence."""

from __future__ import annotations

from typing import get_args

import pytest

from streaming.contracts.events import ActionRefusal, CancelReason, Reason
from streaming.contracts.reasons import ACTION_REFUSED, CANCELLED, REJECTED


@pytest.mark.parametrize(
    ("sentences", "codes"), [(REJECTED, Reason), (CANCELLED, CancelReason), (ACTION_REFUSED, ActionRefusal)]
)
def test_exactly_the_codes_of_the_contract_have_a_sentence(sentences: dict[str, str], codes: object) -> None:
    assert list(sentences) == list(get_args(codes))
    assert all(text[0].isupper() and text.endswith(".") and len(text) < 110 for text in sentences.values())
    assert len(set(sentences.values())) == len(sentences)
