copy ledger.postings (entry_number, line, account_id, amount) from stdin (format binary)
