"""The way into the log and out of it: commands, followers, obligations, and the people behind pseudonyms."""
