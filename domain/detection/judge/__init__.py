"""What was seen against what is usual: how surprising, where, whether it is told, and how it is measured again."""
