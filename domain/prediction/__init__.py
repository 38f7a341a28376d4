"""What is going to go wrong: launches, and what their items lack."""
