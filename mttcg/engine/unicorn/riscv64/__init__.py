"""What the Unicorn engine has to know of RISC-V."""
