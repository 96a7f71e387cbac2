"""Commands that die at every step, and what the next one makes of it."""
