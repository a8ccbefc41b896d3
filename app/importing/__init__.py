"""Bringing in history from elsewhere: issues with what was said and done, as events at their true times."""
