"""Which order a refund reverses."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Flags, Whole
from setaria.flywheel.compiled import compiled
from setaria.flywheel.histories.baskets import ordered


@compiled
def last_with(tree: Whole, leaves: int, first: int, after: int, enough: int) -> int:
    """The node of the last order, first <= i < after, that has `enough` left; 0 if none has."""
    low, high, node, left = first + leaves, after + leaves, 0, 0
    while low < high:
        if high & 1:
            high -= 1
            if node == 0 and tree[high] >= enough:
                node = high
        if low & 1:
            if tree[low] >= enough:
                left = low  # those found later lie further to the right
            low += 1
        low >>= 1
        high >>= 1
    node = node if node > 0 else left
    while 0 < node < leaves:
        node = 2 * node + 1 if tree[2 * node + 1] >= enough else 2 * node
    return node


@compiled
def reverse(tree: Whole, leaves: int, first: Whole, after: Whole, need: Whole, taken: Whole) -> None:
    """For each refund in turn take `need` from orders first <= i < after: the last that has enough, else the last ones.

    `tree` (2 x leaves) holds what is left of each order in its second half and maxima above; it is written, as is
    `taken`: what each refund found. O(log leaves) a refund and order emptied.
    """
    for refund in range(len(need)):
        wanted = need[refund]
        node = last_with(tree, leaves, first[refund], after[refund], wanted)
        while wanted > 0:
            if node == 0:  # none has all of it: take what the last ones have
                node = last_with(tree, leaves, first[refund], after[refund], 1)
                if node == 0:
                    break
            part = min(wanted, tree[node])
            tree[node] -= part
            wanted -= part
            taken[refund] += part
            node >>= 1
            while node > 0:
                tree[node] = max(tree[2 * node], tree[2 * node + 1])
                node >>= 1


def settle(
    left: Whole, order_group: Whole, order_time: Whole, need: Whole, refund_group: Whole, refund_time: Whole
) -> None:
    """Refunds take from orders of their group at or before their time; `left` and `need` are lowered. Groups >= 0."""
    asking = np.flatnonzero((refund_group >= 0) & (need > 0))
    offering = np.flatnonzero((order_group >= 0) & (left > 0) & np.isin(order_group, refund_group[asking]))
    if not len(asking) or not len(offering):
        return
    group = np.concatenate([order_group[offering], refund_group[asking]])
    time = np.concatenate([order_time[offering], refund_time[asking]])
    refunds = np.arange(len(group)) >= len(offering)
    order = ordered(group, time, refunds.astype(np.int64))
    order = np.arange(len(group)) if order is None else order
    before: Whole = np.cumsum(~refunds[order])  # orders up to here
    firsts = np.flatnonzero(np.diff(group[order], prepend=-1))
    start: Whole = np.repeat((before - ~refunds[order])[firsts], np.diff(np.append(firsts, len(order))))
    asked: Flags = refunds[order]
    sellers, buyers = offering[order[~asked]], asking[order[asked] - len(offering)]
    leaves = 1 << max(1, (len(sellers) - 1).bit_length())
    tree = np.zeros(2 * leaves, dtype=np.int64)
    tree[leaves : leaves + len(sellers)] = left[sellers]
    level = leaves
    while level > 1:
        tree[level // 2 : level] = np.maximum(tree[level : 2 * level : 2], tree[level + 1 : 2 * level : 2])
        level //= 2
    taken = np.zeros(len(buyers), dtype=np.int64)
    reverse(tree, leaves, start[asked], before[asked], need[buyers], taken)
    left[sellers] = tree[leaves : leaves + len(sellers)]
    need[buyers] -= taken
