"""The instruction table of RV64GC and further extensions: one row an instruction."""
