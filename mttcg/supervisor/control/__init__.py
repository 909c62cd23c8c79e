"""What is done from outside while the guest runs."""
