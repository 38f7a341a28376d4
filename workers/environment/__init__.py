"""What a process is given and relies on: settings, secrets, the clock, the broker, HTTP to others."""
