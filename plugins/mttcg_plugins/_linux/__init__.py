"""What plugins for Linux guests share: system calls, and who runs where."""
