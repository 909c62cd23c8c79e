"""What is known of a Linux guest's system, from what its kernel carries of itself."""
