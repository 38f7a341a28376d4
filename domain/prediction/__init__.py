"""What will be wrong before it is: launches, and what their items lack."""
