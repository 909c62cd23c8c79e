"""What one vCPU process does: its run loop, exits, interrupts, and the guest as plugins see it."""
