"""What the menu promises, compared with what happens: with a hotfix and without it."""
