"""The guest as plugins see it on one vCPU: changes of the plan, events, records."""
