"""The Supervisor Binary Interface (RISC-V SBI specification, version 2.0)."""
