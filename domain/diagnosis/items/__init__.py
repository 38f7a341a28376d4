"""The items concerned: which they are, and which of their features sets them apart."""
