"""Checks that might have found an incident sooner, to be replayed before anybody is shown one."""
