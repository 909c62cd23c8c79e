"""The host's files, folders and networks that a guest is given."""
