"""The first days of a source: what it holds, what looks odd, and what will be watched from when on."""
