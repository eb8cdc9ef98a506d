"""The migrations in a database: plan, apply, status, verify, export, roll back."""
