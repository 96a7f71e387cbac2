"""Simulated machines: folders with a small systemd, and engines as their components' models describe them."""
