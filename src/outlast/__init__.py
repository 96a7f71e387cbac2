"""Outlast: one site file becomes a complete, highly available web infrastructure, with proof."""

__version__ = "0.1.0"
