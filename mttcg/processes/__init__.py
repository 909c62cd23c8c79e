"""What runs in the vCPU host: the host itself, the vCPUs and the translator that it forks."""
