"""Floor 6: one attempt to make one machine match a blueprint, and the facts that are taken just before it."""
