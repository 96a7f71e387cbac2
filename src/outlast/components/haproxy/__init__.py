"""The edge: ends TLS, chooses a healthy app machine for each request, hides the loss of one."""
