"""What was found, measured again: is it back?"""
