"""Adds one to a number on a branch, again and again: ``python adder.py <target> <rounds>``."""

import sys

from tests.unit.ops.git.test_git_branch import add, branch_of

if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        add(branch_of(sys.argv[1]))
