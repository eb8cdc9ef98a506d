"""The segments of a database's customers: maps stored and activated, segments read and compared."""
