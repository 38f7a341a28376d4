"""The way into and out of the log: commands, followers, obligations, and the people behind pseudonyms."""
