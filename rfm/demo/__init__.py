"""The demo: its steps, its data, and an embedded PostgreSQL server."""
