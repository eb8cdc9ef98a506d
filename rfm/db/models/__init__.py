"""The models that a database scores with: stored, fitted, compared."""
