"""
What `recsysops check new` writes, by what a check needs. These are complete checks, held to the same typing
and style as everything else; replace the name `own_kind` in them.
"""
