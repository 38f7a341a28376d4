"""What every request has to pass before anything else sees it: deadlines, sizes, hosts, signatures."""
