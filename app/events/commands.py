"""`flask events …`: the commands about events. Upper packages add theirs to this group."""

from flask.cli import AppGroup

events = AppGroup("events", help="Events: verify, sweep, replay.")
