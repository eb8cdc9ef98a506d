"""From scores to names: categories, segments, and how many customers moved between them."""
