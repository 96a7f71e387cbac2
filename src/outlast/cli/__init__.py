"""Floor 8: the command line. Parses, calls, prints; decides nothing."""
