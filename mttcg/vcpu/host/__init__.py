"""What a guest, or its translated code, has the host do."""
