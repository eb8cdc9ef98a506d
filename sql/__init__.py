"""The SQL that ships: `importlib.resources.files("rfm.sql")` finds it in every kind of install."""
