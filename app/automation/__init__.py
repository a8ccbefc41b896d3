"""Rules of a project: when something happens, if it fits, then steps are taken."""
