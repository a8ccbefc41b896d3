"""What reacts to events. `ls app/inboxes` is the list of side effects; `registry.INBOXES` is the one list of them."""
