"""Pages for administrators: people, inboxes, deliveries, mail."""
