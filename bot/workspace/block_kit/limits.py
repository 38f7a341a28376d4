"""
How much Slack accepts in a whole message or view: lengths in characters or bytes, counts in blocks.

Source: Slack's Block Kit reference (docs.slack.dev/reference/block-kit), read 2026-11. The length of all
blocks of a message together is not in it but was measured by users of Slack (slackapi/bolt-js#2509: 13,297
characters in one block, 125 fewer for each block more).
"""

MESSAGE_TEXT_MAX = 40_000
MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
MESSAGE_BLOCKS_LENGTH_MAX = 13_200
MESSAGE_BLOCK_OVERHEAD = 125
MARKDOWN_LENGTH_MAX = 12_000  # all markdown blocks of a message together
VIEW_BYTES_MAX = 250_000
VIEW_STACK_MAX = 3
ID_MAX = 255
