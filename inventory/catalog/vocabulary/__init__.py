"""Vocabulary: normalization of shapes, grades, colours, laboratories and availability from their spellings.

Supplier data and API filters use the same functions, so that a filter matches the values that it names. A spelling is
compared in capitals, with single spaces in place of separators. Partial words do not match, because "NOT AVAILABLE"
contains "AVAILABLE". An unknown spelling keeps its text and has no rank.
"""
