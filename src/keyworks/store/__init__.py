"""The engine: SQLite, transactions, group commit, migrations, time-ordered ids."""
