"""A pair behind HAProxy that loses hosts, links and time under load, and an oracle. See ../README.md."""
