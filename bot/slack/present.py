"""Which of the posted messages are still there: a deleted one causes no event that the bot could count on."""

from __future__ import annotations

from bot.slack.chat import Chat, ChatError

MOST_CALLS = 10
"""Pages of history read for one look: Slack allows about fifty a minute, and posting needs some, too."""


class Enough(Exception):
    """Slack was asked as often as one look allows."""


class Present:
    """One look, from the newest message to the oldest; a page of a channel's history covers many of them."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._left = MOST_CALLS
        self._covered: dict[str, tuple[float, float, set[str]]] = {}
        self._unknown: set[str] = set()

    def lacks(self, channel: str, message: str) -> bool:
        """
        Whether a message is no longer in its channel; False while the channel cannot be read.

        Raises:
            Enough: this would be one call too many.
        """
        if channel not in self._unknown and not self._covers(channel, message):
            self._read(channel, message)
        return channel not in self._unknown and message not in self._covered[channel][2]

    def _covers(self, channel: str, message: str) -> bool:
        oldest, newest, _ = self._covered.get(channel, (0.0, -1.0, set()))
        return oldest <= float(message) <= newest

    def _read(self, channel: str, message: str) -> None:
        if self._left == 0:
            raise Enough
        self._left -= 1
        try:
            oldest, there = self._chat.history(channel, message)
        except ChatError:
            self._unknown.add(channel)
        else:
            self._covered[channel] = (float(oldest), float(message), there)
