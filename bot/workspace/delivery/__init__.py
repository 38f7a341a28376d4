"""How the app hears of it: over HTTP or through a socket, in time or again."""
