"""Real servers on one machine, without Docker: embedded Postgres and Valkey, a broker, a supplier, and their end."""
