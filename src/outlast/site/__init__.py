"""Floor 1: the owner's wish, from the text of a site file. Imports the kernel only; reads no file itself."""
