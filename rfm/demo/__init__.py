"""The demo: its steps, its data, and the embedded PostgreSQL server."""
