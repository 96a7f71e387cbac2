"""The memory of the controllers: who leads, and what they agreed on."""
