"""
Where rows come from: the declaration (`declare`), and its tables opened through Ibis (`source`, `count`).
"""
