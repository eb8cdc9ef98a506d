"""From scores to names: categories, segments, and who moved from one to another."""
