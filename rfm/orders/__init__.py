"""From the rows of the caller's orders to lines that count or do not count."""
