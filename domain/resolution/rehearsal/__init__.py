"""Faults that a declared hotfix is rehearsed against."""
