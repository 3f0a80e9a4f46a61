"""What the end-to-end tests stand on: networks, nodes, clients, and the runner."""
