"""What is on the wire: messages, their bounds, layouts of streams, addresses, who may connect."""
