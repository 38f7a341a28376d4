"""What every request has to pass before anything else looks at it: deadlines, sizes, hosts, signatures."""
