"""Whether the cause is named: thirty faults and ten innocent events in the cinema, and in other worlds."""
