"""What an item or member should be shown, by what is eligible and how much alike others are."""
