"""One folder for each engine, mutually blind. Found by `contract.registry`, imported by nobody."""
