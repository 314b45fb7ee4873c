"""Sorts a linked list of attempts."""

from __future__ import annotations

from poolsim.model.primitives import World
from poolsim.model.rule import rule


@rule
def sort_by_rank(w: World, first: int) -> int:
    """Sort the list that begins with attempt `first` and goes on by `sort_next` by their `rank`;
    its new first.

    Merge sort from below, runs of 1, 2, 4, …: no recursion, no table of its own.
    """
    attempts = w.attempts
    length = 1
    while True:
        merges = 0
        left = first
        first = -1
        last = -1
        while left >= 0:
            merges += 1
            right = left
            left_size = 0
            while left_size < length and right >= 0:
                right = attempts[right].sort_next
                left_size += 1
            right_size = length
            while left_size > 0 or (right_size > 0 and right >= 0):
                take_left = right_size == 0 or right < 0
                if left_size > 0 and not take_left:
                    take_left = attempts[left].rank <= attempts[right].rank
                if left_size == 0:
                    take_left = False
                if take_left:
                    taken = left
                    left = attempts[left].sort_next
                    left_size -= 1
                else:
                    taken = right
                    right = attempts[right].sort_next
                    right_size -= 1
                if last < 0:
                    first = taken
                else:
                    attempts[last].sort_next = taken
                last = taken
            left = right
        if last >= 0:
            attempts[last].sort_next = -1
        if merges <= 1:
            return first
        length *= 2
