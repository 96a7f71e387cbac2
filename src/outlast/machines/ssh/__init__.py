"""Machines behind SSH: the connection that every provider uses, and the provider of servers that the owner has."""
