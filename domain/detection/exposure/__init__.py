"""What an item or member should be shown, given what is eligible and how similar others are."""
