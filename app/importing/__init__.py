"""Bringing in history from elsewhere: issues with everything that was said and done, as events at their true times."""
