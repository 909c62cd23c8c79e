"""What the llvm engine has to know of RISC-V."""
