"""Floor 2: which members run on which machines, at which addresses, and who talks to whom. Pure."""
