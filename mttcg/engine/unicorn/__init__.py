"""The engine on Unicorn: it translates the plain instructions, the host runs the rest."""
