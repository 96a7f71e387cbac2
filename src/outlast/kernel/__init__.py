"""Floor 0: names, units, errors, events. Imports nothing of Outlast; no I/O, no clock, no dice."""
