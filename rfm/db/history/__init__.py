"""The history of the scores: switching it on, reading it, following its events."""
