"""What a diagnosis says, step by step."""
