"""The commands: a file for each group, without logic of their own."""
