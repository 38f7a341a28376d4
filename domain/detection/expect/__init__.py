"""What is usual: expectations and their scatter, learned from past windows."""
