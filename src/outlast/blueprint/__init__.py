"""Floor 3: what every machine shall hold, as one immutable, numbered value; its audit, its diff, its rollout. Pure."""
