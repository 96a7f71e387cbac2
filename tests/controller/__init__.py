"""The loops that run things, as far as they decide."""
