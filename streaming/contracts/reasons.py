"""What each reason code of a rejection means, in a sentence. docs/rule-book.md says when each is found."""

from __future__ import annotations

from streaming.contracts.events import ActionRefusal, CancelReason, Reason

REJECTED: dict[Reason, str] = {
    "unknown_symbol": "The exchange does not trade this symbol.",
    "invalid_event_time": "The command's time is more than 15 minutes ahead of the market's operator.",
    "duplicate_id": "The trader has used this order id, or a higher one, in the symbol before.",
    "invalid_side": "The side is neither buy nor sell.",
    "invalid_order_type": "The order type is none of limit, market, stop and stop_limit.",
    "invalid_time_in_force": "The time in force does not exist, or not for this order type.",
    "invalid_quantity": "The quantity is not a whole number of shares from 1 on.",
    "quantity_too_large": "The quantity is above the symbol's maximum.",
    "quantity_not_on_lot": "The quantity is not a multiple of the symbol's lot.",
    "invalid_price": "The limit is missing where the order type has one, given where it has none, or not above zero.",
    "price_not_on_tick": "The limit is not a multiple of the symbol's tick.",
    "invalid_stop_price": "The stop price is missing on a stop order, given on another, or not above zero.",
    "stop_price_not_on_tick": "The stop price is not a multiple of the symbol's tick.",
    "invalid_display_quantity": "Only an order with a limit shows a part of itself: of 1 share to all, in whole lots.",
    "invalid_expire_time": "Only a gtd order ends at a time, and that lies ahead.",
    "invalid_post_only": "Only a limit order that may stand on the book (day, gtc, gtd) can be post-only.",
    "invalid_self_trade_prevention": "The mode of self-trade prevention does not exist.",
    "market_closed": "The market is closed.",
    "no_continuous_trading": "An ioc or fok order cannot wait, and at present orders only gather.",
    "auction_over": "An at_the_open order came when the opening auction was over.",
    "no_reference_price": "The symbol has no reference price yet, so that no price can be held against the collar.",
    "price_outside_collar": "The limit is too far from the day's reference price.",
    "notional_too_large": "Price times quantity is above the symbol's maximum.",
    "would_cross": "A post-only order would trade at once.",
    "unknown_order": "The order is not open: it never was, or is filled, cancelled or expired.",
}

CANCELLED: dict[CancelReason, str] = {
    "requested": "The trader asked for it.",
    "unfilled_remainder": "The order may not stand on the book: what did not trade was taken off.",
    "price_outside_collar": "The limit is outside the collar of the session that began.",
    "self_trade_prevention": "It would have traded with an order of the same trader.",
    "corporate_action": "The share is not what it was: a split or a dividend took effect.",
}

ACTION_REFUSED: dict[ActionRefusal, str] = {
    "market_open": "The market is not closed.",
    "duplicate_action": "An action of this name has taken effect in the symbol before.",
    "ex_date_passed": "The ex date is not after the trading date that was last.",
    "invalid_terms": "A split needs a ratio that is not 1 to 1, a dividend an amount below the last price.",
    "no_last_price": "The symbol has not traded yet, so that there is no price to adjust.",
}
