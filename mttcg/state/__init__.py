"""What a vCPU keeps in shared memory, whatever the guest's ISA."""
