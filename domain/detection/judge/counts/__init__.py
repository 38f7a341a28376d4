"""Row counts judged: a total, an hour of it, lasting changes, and slices over one or several windows."""
