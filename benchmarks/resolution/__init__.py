"""What the menu promises, held against what happens: with a hotfix and without it."""
