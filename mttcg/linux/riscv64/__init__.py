"""Linux on RISC-V."""
