"""From the database to Polars: one row per customer."""
