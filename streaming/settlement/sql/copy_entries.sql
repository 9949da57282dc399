copy ledger.journal_entries (entry_number, entry_id, trade_id, event_time) from stdin (format binary)
