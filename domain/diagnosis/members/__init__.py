"""The members concerned: against comparable ones and their own past; new ones against former cohorts."""
