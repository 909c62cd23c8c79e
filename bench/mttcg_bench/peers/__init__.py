"""Other emulators: how they are installed, and the programs that run a guest on each."""
