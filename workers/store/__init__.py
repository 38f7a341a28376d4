"""The log and what is kept beside it: cards, followers' positions, pictures, the memory of the checks."""
