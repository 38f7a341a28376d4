"""The first days of a source looked through: what it holds, what is odd, what will be watched from when."""
