"""Webhooks: the endpoints a project sends its events to, their secrets, and the log of every attempt."""
