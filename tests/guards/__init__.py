"""
Is every guard held by a test? Each is taken out of the program, one at a time, and some test has to fail.

`mutmut` (3.8) was looked at first: it swaps operators and alters strings, numbers and arguments, thousands of
times, but takes out no statement, condition or operand, and cannot be taught to. What is asked here is less.
"""
