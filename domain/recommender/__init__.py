"""
What a team declares about its recommender, as frozen values read from `recsysops.toml` by
`workers.declaration.declare`.

    Recommender
    ├── holidays     days that are unlike others of their weekday
    ├── tables       where rows are, when a window of them is complete, what they can be sliced by
    ├── items        which table describes the items, by which key
    ├── models       model files and the log of what they scored
    ├── launches     the calendar of items to come
    ├── exposure     what was shown, and what was chosen of it
    ├── objective    what of that counts: a choice each, or a measure
    ├── checks       what is looked at
    ├── hotfixes     what can be done ─▶ deployers   where it goes
    ├── planned, silences           times in which nobody is notified
    ├── people       which accounts in Slack and at terminals are one person's
    └── stakeholders, routes, permissions   who is notified, who may press
"""
