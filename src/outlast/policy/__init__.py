"""The controller's mind: what is seen and remembered goes in, what shall be done comes out. Pure."""
