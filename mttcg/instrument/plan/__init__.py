"""What is attached on one vCPU: the registry, and the plan that it gives to engines."""
