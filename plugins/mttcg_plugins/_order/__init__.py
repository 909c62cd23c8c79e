"""Records of all vCPUs in the order of time, and what follows from the order."""
