"""Floor 1: what a component is. Imports the kernel only; knows no component and no site."""
