"""Whole sites on simulated machines."""
