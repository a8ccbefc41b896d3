"""Keeping issues the same here and in a tracker elsewhere: GitHub."""
