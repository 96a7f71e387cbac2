"""The owner's own web app: built once, run as a hardened service on each app machine."""
