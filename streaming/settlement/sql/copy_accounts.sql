copy ledger.accounts (account_id, trader_id, house, asset) from stdin (format binary)
