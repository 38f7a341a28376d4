"""How soon people hear of a finding."""
