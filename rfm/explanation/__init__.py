"""Why a customer has a score, what raises it, and when it falls."""
