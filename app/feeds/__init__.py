"""What happened, for a reader: the feeds of an issue, a project, a person and of everything one may see."""
