"""What a run gives back, at its end and on its way."""
