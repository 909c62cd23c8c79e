"""What runs translated guest code."""
