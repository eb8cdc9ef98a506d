"""Scoring customers again: whoever is out of date, on demand or on a schedule."""
