"""`recsysops up`: everything that runs, from one command, kept running until it is told to stop."""

from bot.up.start import PROCESSES, up

__all__ = ["PROCESSES", "up"]
