"""What is checked at the door: frames, ids, and the words of the errors."""
