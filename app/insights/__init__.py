"""Charts of a project, folded from its events: of the last days, or of any days in the past."""
