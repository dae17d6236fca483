"""Local servers without Docker: embedded Postgres and Valkey, the broker and supplier simulators, and their lifecycle."""
