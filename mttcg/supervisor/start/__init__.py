"""What is started before anything runs, and what is told to it."""
