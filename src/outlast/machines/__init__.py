"""Floor 5: machines. Run, put, get; create, destroy; break on purpose. Knows nothing of sites or engines."""
