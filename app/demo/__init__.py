"""The demo workspace: three projects with months of plausible history, so that there is something to see."""

from app.demo.commands import fill_if_empty

__all__ = ["fill_if_empty"]
