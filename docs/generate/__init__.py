"""
The pages of `docs/` that are generated from the code, so that they say what it does.

    python -m docs.generate            write them
    python -m docs.generate --check    exit with 1 if a page differs from what would be written

A page is a function without arguments that returns Markdown (or SVG); `pages.PAGES` is the only list of them.
"""
