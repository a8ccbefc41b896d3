"""The audit log: what was administered, kept apart from the events in a chain of its own."""
