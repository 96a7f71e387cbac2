"""Faults of a running site: each goes away by itself, even when whoever inflicted it is killed."""
