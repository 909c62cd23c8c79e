"""What the guest sees: the board, its address map and RAM, and its devices."""
