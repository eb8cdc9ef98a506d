"""Does the score predict who buys? Scores of past days, compared with what came after them."""
