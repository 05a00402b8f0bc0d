"""Moments and cells made from rows in memory: complete rows, their groups, equal rows, sums."""
