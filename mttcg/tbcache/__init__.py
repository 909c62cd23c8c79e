"""The shared cache of translation blocks: keyed by physical page and content, used by all vCPUs."""
