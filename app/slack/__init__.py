"""Slack: the channel of a project, what is said there and how."""
