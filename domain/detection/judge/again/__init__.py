"""Findings measured again: has the metric recovered?"""
