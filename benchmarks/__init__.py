"""Figures and how they are measured; `make bench` runs all of them."""
