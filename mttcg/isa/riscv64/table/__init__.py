"""The instruction table of RV64GC with Zba, Zbb and Zbs: one row an instruction."""
