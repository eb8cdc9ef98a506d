"""`python -m rfm` does what `rfm` does."""

from rfm.cli import main

main()
