"""Rehearsals: declared hotfixes tried on a shadow copy of the log with a planted fault."""
