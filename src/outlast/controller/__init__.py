"""Floor 7: runs things: brings machines up, tends clusters, observes. The decisions it carries out are made below."""
