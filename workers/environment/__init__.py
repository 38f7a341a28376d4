"""What a process is told and stands on: settings, secrets, the clock, the broker, strangers over HTTP."""
