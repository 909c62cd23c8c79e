"""What concerns the host: its limits, files that grow, the environment of our processes."""
