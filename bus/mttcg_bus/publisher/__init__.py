"""The publisher: the process between the rings and their subscribers, and what starts it."""
