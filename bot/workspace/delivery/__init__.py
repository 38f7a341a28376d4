"""How events reach the app: over HTTP or through a socket, in time or retried."""
