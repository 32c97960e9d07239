"""`bin/pt-report`: what a ledger and its log say about a run, on one page and in figures."""
