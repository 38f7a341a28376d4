"""The log and what is kept beside it: cards, positions of followers, pictures, memory of the checks."""
