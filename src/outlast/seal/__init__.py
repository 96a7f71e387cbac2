"""Encrypts what a site keeps and nobody may read: its passwords and private keys. Knows no sites and no machines."""
