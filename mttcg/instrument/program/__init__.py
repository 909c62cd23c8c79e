"""What there is in the guest's program: its segments, source lines and instructions."""
