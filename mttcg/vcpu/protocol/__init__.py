"""What the processes of a machine tell each other, and how it is written and read."""
