"""Rehearsals: declared hotfixes tried on a shadow of the log, in which a fault was planted."""
