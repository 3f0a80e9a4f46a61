"""The tests themselves. Every module is a group: its tests share one pair while they pass."""
