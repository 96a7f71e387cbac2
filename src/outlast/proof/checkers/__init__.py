"""One promise, one module: pure functions from a history to a verdict. What a history does not tell is unknown."""
