"""Floor 7: breaks a running site on purpose, and judges what its clients saw."""
