"""
What `recsysops check new` writes, by what a check needs. These are whole checks, held to the same types and
style as everything else; the name `own_kind` in them is the one to be replaced.
"""
