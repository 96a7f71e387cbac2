"""Clients of the site while it is broken on purpose: bounded in rate, count and time, they remember what they saw."""
