"""Counts with their noun, as text for operators."""


def count_text(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun in the right form: `1 partition`, `2,100 partitions`. `plural`: if it is not noun + s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
