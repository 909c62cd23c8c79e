"""What a plugin says: targets, attachments and their changes, options, what it sees of a vCPU."""
