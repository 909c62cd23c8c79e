"""An instruction table: one row an instruction, from which all that is known of it follows."""
