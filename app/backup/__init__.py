"""Carrying the whole database away in one file, and bringing it back."""
