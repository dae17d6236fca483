"""Spellings of shapes, grades, colours, laboratories and availability, and the value that each spelling means.

The data of every supplier and the filters of the API go through the same functions, so that a filter finds the values that
it names. A spelling is compared in capitals, with single spaces in place of separators. Nothing is guessed from a part of a
word: "NOT AVAILABLE" contains "AVAILABLE". A spelling that is not understood keeps its text and has no rank.
"""
