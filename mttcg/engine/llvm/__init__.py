"""The engine on LLVM: each code page becomes native code that every vCPU executes."""
