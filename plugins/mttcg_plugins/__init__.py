"""The plugins that come with mttcg, one file each, both halves in it."""
