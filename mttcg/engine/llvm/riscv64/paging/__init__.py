"""Address translation natively: rows that handlers look into, and what fills and drops them."""
