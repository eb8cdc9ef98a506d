"""Checks of frames, and the wording of the errors that they raise."""
