"""The numbers that Unicorn has for the registers of RISC-V."""

from unicorn import riscv_const

PC = riscv_const.UC_RISCV_REG_PC
X0 = riscv_const.UC_RISCV_REG_X0
F0 = riscv_const.UC_RISCV_REG_F0
FCSR = riscv_const.UC_RISCV_REG_FCSR
PRIVILEGE = riscv_const.UC_RISCV_REG_PRIV
MSTATUS = riscv_const.UC_RISCV_REG_MSTATUS
