select entry_id from ledger.journal_entries where entry_id like 'endowment-%'
